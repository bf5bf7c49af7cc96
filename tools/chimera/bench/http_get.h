// Reads metrics as Prometheus does.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_HTTP_GET_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_HTTP_GET_H_

#include <string>

#include "absl/status/statusor.h"

namespace chimera {

// The body of GET `path` from `address`, "host:port". Blocks, for 10 seconds without an answer at
// most. INVALID_ARGUMENT if the address has no port, UNAVAILABLE if it cannot be reached or does
// not answer, DATA_LOSS if the answer is not HTTP's 200 or is above 64 MiB; all name the address.
absl::StatusOr<std::string> HttpGet(const std::string& address, const std::string& path);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_HTTP_GET_H_
