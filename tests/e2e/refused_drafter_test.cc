// Drafter files that must not be served: the services name what is wrong, and a verifier goes on
// without speculation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/drafter_faults.h"
#include "tests/testing/child_process.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

using ::testing::HasSubstr;

struct Fault {
  const char* name;
  std::function<void(TinyDrafter*)> break_file;
  const char* error;  // what the drafter says
};

const Fault kFaults[] = {
    {"MissingTensor",
     [](TinyDrafter* drafter) { drafter->tensors.erase("context_encoder.ffn_up"); },
     "context_encoder.ffn_up"},
    {"WrongShape",
     [](TinyDrafter* drafter) {
       TinyDrafter::Tensor& tensor = drafter->tensors["residual_head.embedding"];
       tensor.shape[0] -= 1;
       tensor.bytes.resize(tensor.shape[0] * tensor.shape[1]);
     },
     "residual_head.embedding: has another shape"},
    {"OtherFingerprint",
     [](TinyDrafter* drafter) { drafter->metadata["target_identity"] = "another model"; },
     "was made for model another model"},
    {"NotANumber",
     [](TinyDrafter* drafter) {
       const float nan = std::numeric_limits<float>::quiet_NaN();
       std::memcpy(drafter->tensors["fuse.norms"].bytes.data(), &nan, sizeof(nan));
     },
     "fuse.norms: row 0 has a number that is not finite"},
};

class RefusedDrafterTest : public DrafterFaults, public ::testing::WithParamInterface<Fault> {
 protected:
  void SetUp() override {
    const std::string model_path = directory_.path() + "/tiny.gguf";
    WriteTinyLlama(model_path, {});
    MakeGolden({.model_path = model_path, .streams = 4});
  }

  std::unique_ptr<ChildProcess> StartNeuralDrafter(const TinyDrafter& drafter) const {
    const std::string path = directory_.path() + "/drafter.safetensors";
    drafter.Write(path);
    return std::make_unique<ChildProcess>(
        CHIMERA_DRAFTER_BINARY,
        std::vector<std::string>{"--model", load_.model_path, "--draft_model", path,
                                 "--metrics_listen=", "--listen", DrafterAddress().ToString()});
  }
};

TEST_P(RefusedDrafterTest, IsNamedAndTheVerifierServesOn) {
  StartVerifier(MakeConfig(Drafters::kOne));
  TinyDrafter drafter = BuildTinyDrafter({.target = model_->fingerprint(), .confidence = 8});
  GetParam().break_file(&drafter);
  const std::unique_ptr<ChildProcess> refused = StartNeuralDrafter(drafter);
  EXPECT_GT(refused->Wait(), 0);
  EXPECT_THAT(refused->Errors(), HasSubstr(GetParam().error));
  for (const ClientReply& reply : ExpectGolden()) {
    EXPECT_EQ(reply.complete.speculation().draft_nodes(), 0);
  }

  // The whole file is taken, and drafts.
  const auto whole = BuildTinyDrafter({.target = model_->fingerprint(), .confidence = 8});
  const std::unique_ptr<ChildProcess> taken = StartNeuralDrafter(whole);
  ASSERT_TRUE(DrafterIsReady()) << taken->Errors();
  int64_t nodes = 0;
  for (const ClientReply& reply : ExpectGolden()) {
    nodes += reply.complete.speculation().draft_nodes();
  }
  EXPECT_GT(nodes, 0);
}

INSTANTIATE_TEST_SUITE_P(Faults, RefusedDrafterTest, ::testing::ValuesIn(kFaults),
                         [](const auto& fault) { return std::string(fault.param.name); });

}  // namespace
}  // namespace chimera::testing
