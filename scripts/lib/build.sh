# shellcheck shell=bash
# CMake builds by preset. Needs common.sh.

# Options that CMake is given beside the preset.
cmake_options=()

# build PRESET [TARGET...]: configures and builds build/PRESET, everything unless targets are named.
build() {
  local preset=$1
  shift
  (($#)) || set -- all
  [[ -f $ROOT_DIR/build/$preset/build.ninja ]] || require_disk "$ROOT_DIR/build" 2000 "the $preset build"
  cd "$ROOT_DIR" || return
  with_progress "Configuring the $preset build" cmake --preset "$preset" "${cmake_options[@]}" ||
    fail "CMake could not configure the $preset build: see the lines above." \
      "If a library is missing, scripts/setup installs it. If build/$preset is of another checkout, delete it."
  with_progress "Building $preset" cmake --build --preset "$preset" --target "$@" -j "$(build_jobs)" ||
    fail "the $preset build failed: see the lines above."
}

# As many compilers as there are processors, but each with 1.5 GiB of memory.
build_jobs() {
  awk -v processors="$(nproc)" '/^MemAvailable/ {
    jobs = int($2 / 1572864); if (jobs > processors) jobs = processors; print jobs < 1 ? 1 : jobs }' /proc/meminfo
}
