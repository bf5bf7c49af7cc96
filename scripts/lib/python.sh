# shellcheck shell=bash
# Python tools in a virtual environment of our own. Needs common.sh.

VENV_DIR=$CACHE_DIR/venv
TOOL_REQUIREMENTS=$ROOT_DIR/scripts/requirements.txt

# venv_install DIRECTORY REQUIREMENTS: makes DIRECTORY a virtual environment that holds what the file REQUIREMENTS pins.
# Does nothing if it does already.
venv_install() {
  local directory=$1 requirements=$2 stamp
  stamp=$(python3 --version; sha256sum <"$requirements")
  if [[ -f $directory/requirements.stamp && $(<"$directory/requirements.stamp") == "$stamp" ]]; then
    say "Python tools: installed"
    return
  fi
  require_disk "$directory" 300 "the Python tools"
  rm -rf "$directory"
  python3 -m venv "$directory" ||
    fail "python3 could not make a virtual environment in $directory." "On Debian it needs the package python3-venv."
  with_progress "Installing the Python tools" \
    "$directory/bin/pip" install --disable-pip-version-check --require-virtualenv -r "$requirements" ||
    fail "pip could not install the tools of $requirements: see the lines above." \
      "Usually the network or the package index cannot be reached."
  printf '%s\n' "$stamp" >"$directory/requirements.stamp"
}

setup_tools() { venv_install "$VENV_DIR" "$TOOL_REQUIREMENTS"; }
