# shellcheck shell=bash
# Folders with programs and all that they need. Needs common.sh.

# What travels to a machine that is lent is at most 64 MiB, with the repository's files, which are about 19.
BUNDLE_LIMIT_MIB=45

# What the machine has to have: the C library, because the driver's libraries use the same; the driver; and cuBLAS, which
# is ten times as large as all the rest.
LIBRARIES_LEFT_OUT='^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|cuda|cublasLt)\.so.*|linux-vdso.*)$'

# bundle_preset KIND, bundle_target KIND, bundle_bench KIND: what is built for a bundle of this kind, gpu or emulated.
bundle_preset() { if [[ $1 == gpu ]]; then echo cuda; else echo release; fi; }
bundle_target() { if [[ $1 == gpu ]]; then echo gpu_tests; else echo gpu_rehearsal; fi; }
bundle_bench() { if [[ $1 == gpu ]]; then echo chimera-gpu-bench; else echo chimera-gpu-bench-emulated; fi; }

# What the benchmark is told to do: on an emulated device, as little as there is.
bench_flags() {
  if [[ $1 == gpu ]]; then
    echo --models=llama-2-7b,llama-2-13b,llama-3-8b,smollm2-135m
  else
    echo --models=tiny --repetitions=1 --launches=2 --rows=1,9 --contexts=40 --context=20 --prefill=30 --tokens=6
  fi
}

# libraries_of PROGRAM...: paths of the shared libraries that the machine need not have.
libraries_of() {
  local name arrow path
  for program; do ldd "$program"; done | sort -u | while read -r name arrow path _; do
    if [[ $(basename "$name") =~ $LIBRARIES_LEFT_OUT || $arrow != "=>" ]]; then continue; fi
    [[ $path == /* ]] || fail "$name, which a program of the bundle needs, is not found."
    echo "$path"
  done
}

# Whether the program $1 needs cuBLAS.
needs_cublas() { readelf -d "$1" | grep -q 'NEEDED.*\[libcublasLt\.so'; }

# write_contents KIND FOLDER TEST...: what the script `run` is to run.
write_contents() {
  local kind=$1 folder=$2 program
  shift 2
  say "# Written by scripts/gpu-bundle from $(git -C "$ROOT_DIR" describe --always --dirty 2>/dev/null || echo "no commit")."
  say "tests=($*)"
  say "bench=($(bundle_bench "$kind") $(bench_flags "$kind"))"
  local cublas_programs=()
  for program in "$@" "$(bundle_bench "$kind")"; do
    if needs_cublas "$folder/bin/$program"; then cublas_programs+=("$program"); fi
  done
  say "needs_cublas=(${cublas_programs[*]})"
}

# make_bundle KIND BUILD OUTPUT: from the programs in BUILD/bin.
make_bundle() {
  local kind=$1 build=$2 output=$3 program library size list tests paths
  list=$build/$(bundle_target "$kind").txt
  [[ -s $list ]] || fail "$list names no test: $build is not a build folder of the preset $(bundle_preset "$kind")."
  # What all other tests count on, as its FIRST in tests/common/cuda/gpu says, comes first.
  mapfile -t tests < <(grep tensor_core "$list"; grep -v tensor_core "$list")
  rm -rf "$output"
  mkdir -p "$output/bin" "$output/lib"
  for program in "${tests[@]}" "$(bundle_bench "$kind")"; do
    [[ -x $build/bin/$program ]] || fail "$build/bin/$program is missing: it was not built."
    strip -o "$output/bin/$program" "$build/bin/$program"
  done
  paths=$(libraries_of "$output"/bin/*) || exit 1
  for library in $paths; do
    strip -o "$output/lib/$(basename "$library")" "$library"
  done
  write_contents "$kind" "$output" "${tests[@]}" >"$output/contents.sh"
  install -m 755 "$ROOT_DIR/scripts/lib/gpu_run.sh" "$output/run"
  size=$(du -sm "$output" | cut -f1)
  ((size <= BUNDLE_LIMIT_MIB)) || fail "$output has $size MiB, more than $BUNDLE_LIMIT_MIB."
  say "$output: $size MiB, ${#tests[@]} tests. On the machine with the GPU: $output/run [RESULTS]"
}
