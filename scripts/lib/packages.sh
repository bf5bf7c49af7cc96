# shellcheck shell=bash
# Debian packages. Needs common.sh.

# shellcheck disable=SC2034  # For the scripts that source this file.
# What building, running and testing take.
PACKAGES=(
  ca-certificates ccache cmake g++ libabsl-dev libbenchmark-dev libcpp-httplib-dev libgmock-dev libgrpc++-dev
  libgtest-dev libpcre2-dev libprotobuf-dev libspdlog-dev libssl-dev ninja-build nlohmann-json3-dev pkg-config
  prometheus-cpp-dev protobuf-compiler protobuf-compiler-grpc python3 python3-venv)

# What `scripts/test --all` and `scripts/lint` take besides.
# shellcheck disable=SC2034
CLANG_PACKAGES=(clang clang-format clang-tidy git libclang-rt-14-dev llvm shellcheck)

# Needs root: directly or by sudo.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600 -o APT::Update::Error-Mode=any "$@"
}

# Prints those of the named packages that are not installed.
missing_packages() {
  local installed package
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | awk '$1 == "installed" {printf "%s ", $2}')"
  for package; do
    [[ $installed == *" $package "* ]] || say "$package"
  done
}

# install_packages NAME...: installs what is missing; touches nothing when all are there.
install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this is not a Debian system: dpkg-query was not found." \
      "Chimera is built on Debian 12 (bookworm); a container of that name will do."
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    say "Debian packages: all $# are installed"
    return
  fi
  local version
  version=$(. /etc/os-release && say "${ID:-?} ${VERSION_ID:-?}")
  [[ $version == "debian 12" ]] || say "warning: this is $version; Chimera is developed on Debian 12"
  ((EUID == 0)) || command -v sudo >/dev/null ||
    fail "packages are missing and can be installed neither as root nor by sudo: ${missing[*]}" \
      "Ask an administrator to run: apt-get install ${missing[*]}"
  ((EUID == 0)) || sudo -v || fail "sudo refused; packages are missing: ${missing[*]}"
  require_disk /usr 1500 "the Debian packages"
  with_progress "Reading the package lists" apt_get update ||
    fail "apt-get update failed: see the lines above." \
      "Usually the network or the mirror in /etc/apt/sources.list cannot be reached."
  with_progress "Installing ${#missing[@]} Debian packages and what they need" \
    apt_get install --no-install-recommends "${missing[@]}" ||
    fail "apt-get install failed: see the lines above." \
      "A package that is not found means that the system is not Debian 12; otherwise look for the network or the disk."
}
