#include "tools/chimera/bench/http_get.h"

#include <httplib.h>

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace chimera {
namespace {

constexpr int kTimeoutSeconds = 10;
constexpr size_t kMaxBodyBytes = 64 << 20;

}  // namespace

absl::StatusOr<std::string> HttpGet(const std::string& address, const std::string& path) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" must be host:port"));
  }
  httplib::Client client(absl::StrCat("http://", address));
  client.set_connection_timeout(kTimeoutSeconds);
  client.set_read_timeout(kTimeoutSeconds);
  client.set_write_timeout(kTimeoutSeconds);
  std::string body;
  const httplib::Result result = client.Get(path.c_str(), [&body](const char* data, size_t size) {
    if (size > kMaxBodyBytes - body.size()) return false;
    body.append(data, size);
    return true;
  });
  if (result.error() == httplib::Error::Canceled) {
    return absl::DataLossError(
        absl::StrCat(address, " serves more than ", kMaxBodyBytes, " bytes as metrics"));
  }
  if (!result) {
    return absl::UnavailableError(absl::StrCat("cannot read metrics from ", address, ": ",
                                               httplib::to_string(result.error())));
  }
  if (result->status != 200) {
    return absl::DataLossError(
        absl::StrCat(address, " does not serve metrics: HTTP status ", result->status));
  }
  return body;
}

}  // namespace chimera
