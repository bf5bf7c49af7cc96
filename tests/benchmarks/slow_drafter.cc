// A drafter that is late: the n-gram model, asleep for a while in every reply, as one on a machine
// that is overloaded or far away.
//
//   slow_drafter MODEL ADDRESS MILLISECONDS
//
// MODEL is a GGUF file or a Hugging Face folder.
// Serves on ADDRESS until SIGTERM.

#include <chrono>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/llama_model.h"
#include "common/rpc/address.h"
#include "common/rpc/termination_signals.h"
#include "drafter/drafter_server.h"
#include "drafter/ngram_draft_model.h"

namespace chimera {
namespace {

class SlowDraftModel : public NgramDraftModel {
 public:
  explicit SlowDraftModel(std::chrono::milliseconds delay) : delay_(delay) {}

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    std::this_thread::sleep_for(delay_);
    return NgramDraftModel::Draft(inputs);
  }

 private:
  const std::chrono::milliseconds delay_;
};

absl::Status Run(const std::vector<std::string>& arguments) {
  int milliseconds = 0;
  if (!absl::SimpleAtoi(arguments[2], &milliseconds) || milliseconds < 0) {
    return absl::InvalidArgumentError(absl::StrCat("MILLISECONDS is \"", arguments[2], "\""));
  }
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<LlamaModel> model, LlamaModel::Open(arguments[0]));
  DrafterConfig config;
  CHIMERA_ASSIGN_OR_RETURN(const Address address, ParseListenAddress(arguments[1]));
  config.server.listen_addresses = {address};
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<DrafterServer> server,
                           DrafterServer::Start(config, MakeTargetInfo(*model),
                                                std::make_unique<SlowDraftModel>(
                                                    std::chrono::milliseconds(milliseconds))));
  WaitForTermination();
  return absl::OkStatus();
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: slow_drafter MODEL ADDRESS MILLISECONDS\n"
                 "MODEL is a GGUF file or a Hugging Face folder.\n";
    return 2;
  }
  chimera::BlockTerminationSignals();
  const absl::Status status = chimera::Run({argv + 1, argv + argc});
  if (!status.ok()) std::cerr << "slow_drafter: " << status << "\n";
  return status.ok() ? 0 : 1;
}
