#include "verifier/service/error_reasons.h"

namespace chimera {
namespace {

v1::ErrorReason ReasonOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return v1::ERROR_REASON_INVALID_FIELD;
    case absl::StatusCode::kResourceExhausted:
      return v1::ERROR_REASON_QUEUE_FULL;
    case absl::StatusCode::kUnavailable:
      return v1::ERROR_REASON_DRAINING;
    case absl::StatusCode::kNotFound:
      return v1::ERROR_REASON_UNKNOWN_REQUEST;
    case absl::StatusCode::kAlreadyExists:
      return v1::ERROR_REASON_DUPLICATE_REQUEST;
    case absl::StatusCode::kCancelled:
      return v1::ERROR_REASON_ABORTED;
    default:
      return v1::ERROR_REASON_BACKEND_FAILED;
  }
}

// The field that is to blame, if one is.
absl::string_view FieldOf(absl::StatusCode code) {
  const bool is_about_id =
      code == absl::StatusCode::kNotFound || code == absl::StatusCode::kAlreadyExists;
  return is_about_id ? "request_id" : "";
}

}  // namespace

absl::Status WithReason(const absl::Status& status) {
  if (status.ok() || GetErrorDetail(status).has_value()) return status;
  return ErrorWithReason(status.code(), ReasonOf(status.code()), FieldOf(status.code()),
                         absl::string_view(status.message().data(), status.message().size()));
}

}  // namespace chimera
