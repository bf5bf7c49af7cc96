# shellcheck shell=bash
# What every script starts with: places, messages, and long commands run with visible progress.
# To be sourced by a script that has `set -euo pipefail`.

export LC_ALL=C.UTF-8
: "${HOME:=$(cd ~ && pwd)}"
export HOME

# absolute NAME...: makes the paths in these variables absolute. The scripts change directories, but a user's path is
# meant from where the user stands.
absolute() {
  local name
  for name; do
    if [[ -n ${!name:-} && ${!name} != /* ]]; then export "$name=$PWD/${!name}"; fi
  done
}
absolute CHIMERA_MODEL XDG_CACHE_HOME

# For the scripts that source this file.
# shellcheck disable=SC2034
ROOT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/chimera
LOG_DIR=$CACHE_DIR/logs

say() { printf '%s\n' "$*"; }

# Says what went wrong and what to do about it, and ends the script.
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  if (($#)); then printf '       %s\n' "$@" >&2; fi
  exit 1
}

# require_disk DIRECTORY MEBIBYTES PURPOSE: fails unless that much is free where DIRECTORY is or will be.
require_disk() {
  local directory=$1 needed=$2 purpose=$3 free
  while [[ ! -d $directory ]]; do directory=$(dirname "$directory"); done
  free=$(df -Pm "$directory" | awk 'NR == 2 {print $4}')
  ((free >= needed)) ||
    fail "not enough disk space for $purpose: $free MiB free at $directory, $needed MiB needed." \
      "Free some space, or point XDG_CACHE_HOME (model, tools) elsewhere, and run this again."
}

# show_progress START LOG TITLE: shows the time since START and the last line of LOG for as long as the script lives: on
# a terminal every second on one line, elsewhere once a minute.
show_progress() {
  local start=$1 log=$2 title=$3 seconds=0 line columns
  columns=$({ stty size </dev/tty | cut -d' ' -f2; } 2>/dev/null || echo 80)
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    [[ -t 1 ]] || ((++seconds % 60 == 0)) || continue
    line=$(tail -c 400 "$log" | tr '\r' '\n' | tail -n 1 | tr -cd '[:print:]')
    line="  $title, $((SECONDS - start)) s: $line"
    if [[ -t 1 ]]; then printf '\r\e[K%s' "${line:0:columns-1}"; else say "${line:0:150}"; fi
  done
}

# with_progress TITLE COMMAND...: runs COMMAND with its output in a log file, shows that it is alive, and says how
# long it took. If it fails, prints the end of the log and returns the command's status; the caller names the cause.
with_progress() {
  local title=$1 log start=$SECONDS watcher status=0
  shift
  mkdir -p "$LOG_DIR"
  log=$LOG_DIR/$(tr -cs '[:alnum:]\n' '-' <<<"$title").log
  : >"$log"
  say "$title ..."
  show_progress "$start" "$log" "$title" &
  watcher=$!
  disown "$watcher"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill -KILL "$watcher" 2>/dev/null || true  # KILL, because a young subshell would run our EXIT trap on TERM
  if [[ -t 1 ]]; then printf '\r\e[K'; fi
  if ((status)); then
    tail -n 40 "$log" >&2
    say "$title failed after $((SECONDS - start)) s; its whole output is in $log"
  else
    say "$title took $((SECONDS - start)) s"
  fi
  return "$status"
}
