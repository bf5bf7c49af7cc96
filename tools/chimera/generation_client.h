// A thin client of GenerationService.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATION_CLIENT_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATION_CLIENT_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "chimera/v1/generation_service.grpc.pb.h"
#include "tools/chimera/cancellation.h"

namespace chimera {

// A whole reply.
struct Reply {
  std::vector<int32_t> token_ids;
  std::string text;
  v1::GenerateComplete complete;
};

// Called with each part of a reply as it arrives, in the thread that called Generate.
using ChunkHandler = std::function<void(const v1::GenerateChunk&)>;

// Calls a server. Thread-safe: any number of calls may run at once. A failed call returns the
// server's status, with the ErrorDetail that it sent (GetErrorDetail), and CANCELLED after a
// cancellation.
class GenerationClient {
 public:
  // `cancellation` must outlive the client.
  GenerationClient(const std::shared_ptr<grpc::Channel>& channel, Cancellation* cancellation);

  // Streams a reply. Returns INTERNAL where the server breaks the conversation that the protocol
  // prescribes.
  absl::StatusOr<Reply> Generate(const v1::GenerateRequest& request, const ChunkHandler& on_chunk);

  // Fail with DEADLINE_EXCEEDED where the server does not answer within 10 seconds.
  absl::StatusOr<v1::GetModelInfoResponse> GetModelInfo();
  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo();

 private:
  const std::unique_ptr<v1::GenerationService::Stub> stub_;
  Cancellation* const cancellation_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATION_CLIENT_H_
