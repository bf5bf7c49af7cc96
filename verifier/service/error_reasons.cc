#include "verifier/service/error_reasons.h"

#include <optional>

#include "common/base/check.h"

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

// A full queue moves on as soon as a reply ends.
std::chrono::milliseconds RetryAfter(absl::StatusCode code) {
  return std::chrono::milliseconds(code == absl::StatusCode::kResourceExhausted ? 1000 : 0);
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
                         absl::string_view(status.message().data(), status.message().size()),
                         RetryAfter(status.code()));
}

RejectReason RejectReasonOf(const absl::Status& status) {
  const std::optional<v1::ErrorDetail> detail = GetErrorDetail(WithReason(status));
  CHIMERA_CHECK(detail.has_value()) << "OK";
  switch (detail->reason()) {
    case v1::ERROR_REASON_QUEUE_FULL:
      return RejectReason::kQueueFull;
    case v1::ERROR_REASON_DRAINING:
      return RejectReason::kDraining;
    case v1::ERROR_REASON_PROMPT_TOO_LONG:
      return RejectReason::kTooLong;
    default:
      return RejectReason::kInvalid;
  }
}

}  // namespace chimera
