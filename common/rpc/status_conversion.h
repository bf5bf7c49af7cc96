// absl::Status on our side of a call, grpc::Status on the wire; the code is never lost. The reason
// for programs, chimera.v1.ErrorDetail, travels inside the absl::Status as a payload and between
// processes in trailing metadata.

#ifndef CHIMERA_COMMON_RPC_STATUS_CONVERSION_H_
#define CHIMERA_COMMON_RPC_STATUS_CONVERSION_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "chimera/v1/error_reason.pb.h"

namespace chimera {

// Key of the trailing metadata; its value is a serialised ErrorDetail.
inline constexpr char kErrorMetadataKey[] = "chimera-error-bin";

// Key under which gRPC's own retries look for ErrorDetail::retry_after_ms (gRFC A6).
inline constexpr char kRetryMetadataKey[] = "grpc-retry-pushback-ms";

// An error with a reason for programs. `field` is the path of the offending request field, such as
// "sampling.temperature", or empty; `retry_after` is 0 where there is nothing to say. REQUIRES:
// code is not OK.
absl::Status ErrorWithReason(absl::StatusCode code, v1::ErrorReason reason, absl::string_view field,
                             absl::string_view message,
                             std::chrono::milliseconds retry_after = std::chrono::milliseconds(0));

// The reason that a status carries, if it does.
std::optional<v1::ErrorDetail> GetErrorDetail(const absl::Status& status);

// For servers: what to finish a call with. Adds the reason, if there is one, to the trailing
// metadata of `context`, so call it once per call and before the call is finished. Long messages
// are cut to fit into HTTP/2 headers.
grpc::Status ToGrpcStatus(const absl::Status& status, grpc::ServerContextBase* context);

// For clients: the outcome of a finished call, with its reason if the server gave one.
absl::Status FromGrpcStatus(const grpc::Status& status, const grpc::ClientContext& context);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_STATUS_CONVERSION_H_
