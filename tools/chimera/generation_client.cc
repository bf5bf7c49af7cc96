#include "tools/chimera/generation_client.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/status_conversion.h"

namespace chimera {
namespace {

constexpr std::chrono::seconds kInfoDeadline{10};

// Adds a message of the stream to the reply. `completed` says whether the reply is complete.
absl::Status Add(v1::GenerateResponse& response, bool& completed, Reply& reply) {
  if (completed) return absl::InternalError("the server went on after the end of the reply");
  switch (response.message_case()) {
    case v1::GenerateResponse::kChunk: {
      const v1::GenerateChunk& chunk = response.chunk();
      reply.token_ids.insert(reply.token_ids.end(), chunk.token_ids().begin(),
                             chunk.token_ids().end());
      reply.text += chunk.text();
      return absl::OkStatus();
    }
    case v1::GenerateResponse::kComplete:
      reply.complete = std::move(*response.mutable_complete());
      completed = true;
      return absl::OkStatus();
    case v1::GenerateResponse::MESSAGE_NOT_SET:
      break;
  }
  return absl::InternalError("the server sent a message of unknown kind");
}

}  // namespace

GenerationClient::GenerationClient(const std::shared_ptr<grpc::Channel>& channel,
                                   Cancellation* cancellation)
    : stub_(v1::GenerationService::NewStub(channel)), cancellation_(cancellation) {}

absl::StatusOr<Reply> GenerationClient::Generate(const v1::GenerateRequest& request,
                                                 const ChunkHandler& on_chunk) {
  grpc::ClientContext context;
  const CancellableCall call(cancellation_, &context);
  const auto reader = stub_->Generate(&context, request);
  Reply reply;
  bool completed = false;
  absl::Status violation;
  v1::GenerateResponse response;
  while (reader->Read(&response)) {
    if (!violation.ok()) continue;
    violation = Add(response, completed, reply);
    if (!violation.ok()) {
      context.TryCancel();
    } else if (response.has_chunk() && on_chunk) {
      on_chunk(response.chunk());
    }
  }
  const absl::Status status = FromGrpcStatus(reader->Finish(), context);
  CHIMERA_RETURN_IF_ERROR(violation);
  CHIMERA_RETURN_IF_ERROR(status);
  if (!completed) return absl::InternalError("the server ended the stream before the reply's end");
  return reply;
}

absl::StatusOr<v1::GetModelInfoResponse> GenerationClient::GetModelInfo() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kInfoDeadline);
  const CancellableCall call(cancellation_, &context);
  v1::GetModelInfoResponse response;
  CHIMERA_RETURN_IF_ERROR(
      FromGrpcStatus(stub_->GetModelInfo(&context, v1::GetModelInfoRequest(), &response), context));
  return response;
}

absl::StatusOr<v1::GetServerInfoResponse> GenerationClient::GetServerInfo() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kInfoDeadline);
  const CancellableCall call(cancellation_, &context);
  v1::GetServerInfoResponse response;
  CHIMERA_RETURN_IF_ERROR(FromGrpcStatus(
      stub_->GetServerInfo(&context, v1::GetServerInfoRequest(), &response), context));
  return response;
}

}  // namespace chimera
