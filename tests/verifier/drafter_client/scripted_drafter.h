// A drafter that does what a test tells it to, over real gRPC.

#ifndef CHIMERA_TESTS_VERIFIER_DRAFTER_CLIENT_SCRIPTED_DRAFTER_H_
#define CHIMERA_TESTS_VERIFIER_DRAFTER_CLIENT_SCRIPTED_DRAFTER_H_

#include <grpcpp/support/sync_stream.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "chimera/v1/drafter_service.grpc.pb.h"
#include "common/model/target_info.h"
#include "common/rpc/address.h"
#include "common/rpc/server_runner.h"
#include "verifier/drafter_client/draft_messages.h"

namespace chimera::testing {

using DraftStream = grpc::ServerReaderWriter<v1::DraftResponse, v1::DraftRequest>;

// Plays a drafter on one stream: runs on a thread of the server, ends the stream by returning. It
// must return when the stream breaks, which shows in Read and Write returning false.
using Script = std::function<grpc::Status(DraftStream& stream)>;

// The target that links of the tests serve.
TargetInfo TestTarget();

// A Ready that fits TestTarget: no tapped layers.
v1::DraftResponse ValidReady();

// The reply to `step` that has, for every sequence that asks for one, a draft of a single node.
v1::DraftResponse ReplyTo(const v1::StepRequest& step);

// Reads messages until the stream ends, and answers each step with ReplyTo.
grpc::Status AnswerSteps(DraftStream& stream);

// Reads messages until the stream ends, and answers none.
grpc::Status ReadOn(DraftStream& stream);

// Reads Hello, writes `ready`, then plays `rest`.
Script AfterHandshake(v1::DraftResponse ready, Script rest);

// Serves until destroyed, which cancels its streams.
class ScriptedDrafter {
 public:
  ScriptedDrafter(const Address& address, Script script);
  ScriptedDrafter(const ScriptedDrafter&) = delete;
  ScriptedDrafter& operator=(const ScriptedDrafter&) = delete;

  // Streams opened so far.
  int streams() const { return service_.streams; }

 private:
  struct Service final : public v1::DrafterService::Service {
    grpc::Status Draft(grpc::ServerContext*, DraftStream* stream) override {
      ++streams;
      return script(*stream);
    }

    Script script;
    std::atomic<int> streams = 0;
  };

  Service service_;
  ServerRunner runner_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_DRAFTER_CLIENT_SCRIPTED_DRAFTER_H_
