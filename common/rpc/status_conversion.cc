#include "common/rpc/status_conversion.h"

#include <string>

#include "absl/strings/cord.h"
#include "common/base/check.h"

namespace chimera {
namespace {

constexpr char kPayloadUrl[] = "type.googleapis.com/chimera.v1.ErrorDetail";

// gRPC refuses trailers above 8 KiB, in which a byte of the message can take three.
constexpr size_t kMaxMessageBytesOnWire = 1024;
constexpr size_t kMaxFieldBytes = 256;

// Both enumerations number the canonical codes alike, 0 to 16 (google/rpc/code.proto).
static_assert(static_cast<int>(absl::StatusCode::kOk) == grpc::StatusCode::OK);
static_assert(static_cast<int>(absl::StatusCode::kUnauthenticated) ==
              grpc::StatusCode::UNAUTHENTICATED);

absl::StatusCode FromGrpcCode(grpc::StatusCode code) {
  // A peer can send any number.
  const bool known = code >= grpc::StatusCode::OK && code <= grpc::StatusCode::UNAUTHENTICATED;
  return known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

// Up to `limit` bytes, not ending inside a UTF-8 character.
std::string Truncate(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

}  // namespace

absl::Status ErrorWithReason(absl::StatusCode code, v1::ErrorReason reason, absl::string_view field,
                             absl::string_view message, std::chrono::milliseconds retry_after) {
  CHIMERA_CHECK(code != absl::StatusCode::kOk) << "an error needs a code";
  v1::ErrorDetail detail;
  detail.set_reason(reason);
  detail.set_field(Truncate(field, kMaxFieldBytes));
  detail.set_retry_after_ms(static_cast<int32_t>(retry_after.count()));
  absl::Status status(code, message);
  status.SetPayload(kPayloadUrl, absl::Cord(detail.SerializeAsString()));
  return status;
}

std::optional<v1::ErrorDetail> GetErrorDetail(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  v1::ErrorDetail detail;
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

grpc::Status ToGrpcStatus(const absl::Status& status, grpc::ServerContextBase* context) {
  if (status.ok()) return grpc::Status::OK;
  if (const auto detail = GetErrorDetail(status)) {
    context->AddTrailingMetadata(kErrorMetadataKey, detail->SerializeAsString());
    if (detail->retry_after_ms() > 0) {
      context->AddTrailingMetadata(kRetryMetadataKey, std::to_string(detail->retry_after_ms()));
    }
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      Truncate(status.message(), kMaxMessageBytesOnWire));
}

absl::Status FromGrpcStatus(const grpc::Status& status, const grpc::ClientContext& context) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(FromGrpcCode(status.error_code()), status.error_message());
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find(kErrorMetadataKey);
  v1::ErrorDetail detail;
  if (found != metadata.end() &&
      detail.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()))) {
    result.SetPayload(kPayloadUrl, absl::Cord(detail.SerializeAsString()));
  }
  return result;
}

}  // namespace chimera
