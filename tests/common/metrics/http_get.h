// A very small HTTP client.

#ifndef CHIMERA_TESTS_COMMON_METRICS_HTTP_GET_H_
#define CHIMERA_TESTS_COMMON_METRICS_HTTP_GET_H_

#include <string>

#include "absl/status/statusor.h"

namespace chimera::testing {

struct HttpResponse {
  int code = 0;
  std::string headers;  // each with its line end
  std::string body;
};

// Gets `path` from the port of `address`, "host:port", on the IPv4 loopback interface. UNAVAILABLE
// if it cannot be reached or does not answer within 30 seconds, DATA_LOSS if the answer is not
// HTTP.
absl::StatusOr<HttpResponse> HttpGet(const std::string& address, const std::string& path);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_METRICS_HTTP_GET_H_
