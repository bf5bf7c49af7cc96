#include "common/rpc/address.h"

#include <sys/un.h>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr int32_t kMaxPort = 65535;

// The kernel's limit, without the terminating zero.
constexpr size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Invalid(absl::string_view text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("address \"", text, "\": ", problem));
}

absl::StatusOr<Address> ParseUnix(absl::string_view text, absl::string_view path) {
  if (!absl::StartsWith(path, "/")) {
    return Invalid(text, "the path of a Unix socket must be absolute, as in unix:/run/x.sock");
  }
  while (absl::StartsWith(path, "//")) path.remove_prefix(1);
  if (path == "/") return Invalid(text, "the path of the Unix socket is missing");
  if (path.size() > kMaxUnixPath) {
    return Invalid(text, absl::StrCat("the path of a Unix socket has at most ", kMaxUnixPath,
                                      " bytes, this one has ", path.size()));
  }
  Address address;
  address.unix_path = std::string(path);
  return address;
}

bool IsHostCharacter(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_'; }

bool IsIpv6Character(char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.' || c == '%'; }

absl::Status ValidateHost(absl::string_view text, absl::string_view host) {
  if (host.empty()) return Invalid(text, "the host is missing; 0.0.0.0 listens on all interfaces");
  absl::string_view inner = host;
  const bool bracketed = absl::ConsumePrefix(&inner, "[") && absl::ConsumeSuffix(&inner, "]");
  if (!bracketed && absl::StrContains(host, ':')) {
    return Invalid(text, "an IPv6 address must be in brackets, as in [::1]:50051");
  }
  for (const char c : inner) {
    if (!(bracketed ? IsIpv6Character(c) : IsHostCharacter(c))) {
      return Invalid(text, absl::StrCat("\"", host, "\" is not a host name or IP address"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Address> Parse(absl::string_view text, int32_t min_port) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) return ParseUnix(text, rest);

  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) {
    return Invalid(text, "expected unix:/path or host:port");
  }
  Address address;
  address.host = std::string(text.substr(0, colon));
  CHIMERA_RETURN_IF_ERROR(ValidateHost(text, address.host));
  const absl::string_view port = text.substr(colon + 1);
  if (port.empty() || !absl::c_all_of(port, absl::ascii_isdigit) ||
      !absl::SimpleAtoi(port, &address.port) || address.port < min_port ||
      address.port > kMaxPort) {
    return Invalid(text, absl::StrCat("the port must be a number in [", min_port, ", ", kMaxPort,
                                      "], not \"", port, "\""));
  }
  return address;
}

}  // namespace

std::string Address::ToString() const {
  return is_unix() ? absl::StrCat("unix:", unix_path) : absl::StrCat(host, ":", port);
}

absl::StatusOr<Address> ParseListenAddress(absl::string_view text) { return Parse(text, 0); }

absl::StatusOr<Address> ParseDialAddress(absl::string_view text) { return Parse(text, 1); }

}  // namespace chimera
