# shellcheck shell=bash
# A CUDA toolkit, nvcc, runtime and cuBLAS, out of wheels on PyPI. Needs common.sh and python.sh.

CUDA_DIR=$ROOT_DIR/build/cuda-toolkit  # where cmake/ChimeraCuda.cmake looks first
CUDA_REQUIREMENTS=$ROOT_DIR/scripts/cuda-requirements.txt

# Each wheel holds a part of the folder nvidia/cu13. Without their dependencies, all of which the file names. The
# directory $1 takes what is downloaded, too, for which /tmp may be too small.
install_cuda_wheels() {
  TMPDIR=$1 "$VENV_DIR/bin/pip" install --disable-pip-version-check --no-deps --only-binary :all: --no-cache-dir \
    --no-compile --require-hashes --target "$1/wheels" -r "$CUDA_REQUIREMENTS"
}

# Adds to the toolkit $1 what linkers and CMake look for, and wheels leave out.
link_cuda_libraries() {
  local library
  for library in "$1"/lib/lib*.so.*; do ln -sf "$(basename "$library")" "${library%.so.*}.so"; done
  ln -sfn lib "$1/lib64"
}

# Puts the toolkit at CUDA_DIR in one step, so that half of one is never taken for it.
fetch_cuda() {
  local temporary toolkit
  mkdir -p "$(dirname "$CUDA_DIR")"
  require_disk "$(dirname "$CUDA_DIR")" 3000 "the CUDA toolkit"
  temporary=$(mktemp -d "$CUDA_DIR.XXXXXX")
  # shellcheck disable=SC2064  # The path of now is meant.
  trap "rm -rf '$temporary'" EXIT
  with_progress "Downloading the CUDA toolkit, 530 MB" install_cuda_wheels "$temporary" ||
    fail "pip could not install the packages of $CUDA_REQUIREMENTS: see the lines above." \
      "Usually the network or the package index cannot be reached. CUDAToolkit_ROOT names a CUDA 13 toolkit that you have."
  toolkit=$temporary/wheels/nvidia/cu13
  link_cuda_libraries "$toolkit"
  "$toolkit/bin/nvcc" --version >/dev/null || fail "the nvcc that was downloaded does not run."
  mkdir "$toolkit/licences"
  mv "$temporary"/wheels/*.dist-info "$toolkit/licences"
  cp "$CUDA_REQUIREMENTS" "$toolkit/requirements.txt"
  rm -rf "$CUDA_DIR"
  mv "$toolkit" "$CUDA_DIR"
  rm -rf "$temporary"
  trap - EXIT
}

# Sees to it that there is a toolkit of what the requirements pin.
setup_cuda() {
  cmp -s "$CUDA_REQUIREMENTS" "$CUDA_DIR/requirements.txt" || fetch_cuda
  say "CUDA toolkit: $CUDA_DIR"
}
