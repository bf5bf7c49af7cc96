// Trees that grow with a network on an emulated device.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/float16.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa.h"
#include "common/cuda/draft_network/cuda_draft_network.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_device.h"
#include "drafter/chimera_draft_model.h"
#include "drafter/network/cpu_draft_network.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

class CudaDraftModelTest : public ::testing::Test {
 protected:
  CudaDraftModelTest() {
    WriteTinyLlama(directory_.path() + "/tiny.gguf", {});
    target_ = *LlamaModel::Open(directory_.path() + "/tiny.gguf");
    options_.target = target_->fingerprint();
    const std::string path = directory_.path() + "/drafter.safetensors";
    BuildTinyDrafter(options_).Write(path);
    file_ = *DrafterFile::Open(path);
  }

  std::unique_ptr<ChimeraDraftModel> Make(DraftNetworkFactory make_network) {
    return ChimeraDraftModel::Create(*file_, target_, {.make_network = std::move(make_network)})
        .value();
  }

  std::unique_ptr<ChimeraDraftModel> MakeOnDevice() {
    return Make([this](const DraftNetworkModel& model) {
      return CudaDraftNetwork::Create(model, {.max_contexts = 4, .threads = &threads_});
    });
  }

  std::vector<int32_t> RandomTokens(size_t count) {
    std::vector<int32_t> tokens(count);
    for (int32_t& token : tokens) {
      token = static_cast<int32_t>(random_() % target_->config().vocab_size);
    }
    return tokens;
  }

  std::vector<uint16_t> RandomStates(size_t count) {
    std::vector<uint16_t> states(count * options_.tapped_layers.size() * options_.hidden_size);
    for (uint16_t& state : states) {
      state = FloatToBf16(static_cast<float>(random_() >> 8) * 0x1p-22f - 2.0f);
    }
    return states;
  }

  const TempDirectory directory_;
  TinyDrafterOptions options_ = {.type = DataType::kBf16, .confidence = 3};
  std::shared_ptr<const LlamaModel> target_;
  std::unique_ptr<DrafterFile> file_;
  ThreadPool threads_{1};
  std::mt19937 random_{3};
};

std::set<std::vector<int32_t>> PathsOf(const ProposedTree& tree) {
  std::vector<std::vector<int32_t>> paths(1);
  for (size_t i = 0; i < tree.token_ids.size(); ++i) {
    paths.push_back(paths[tree.parents[i]]);
    paths.back().push_back(tree.token_ids[i]);
  }
  return {paths.begin() + 1, paths.end()};
}

// Rounded otherwise, the logits of either may exchange what is about as likely.
TEST_F(CudaDraftModelTest, TreesAreThoseOfTheProcessor) {
  const auto on_device = MakeOnDevice();
  const auto on_processor = Make(CpuDraftNetwork::Factory({.isa = AvailableCpuIsas().back()}));
  int64_t nodes = 0;
  int64_t shared = 0;
  for (int round = 0; round < 6; ++round) {
    const std::vector<int32_t> tokens = RandomTokens(5 + 9 * round);
    const std::vector<uint16_t> states = RandomStates(tokens.size() - 1);
    std::set<std::vector<int32_t>> paths[2];
    for (ChimeraDraftModel* const model : {on_processor.get(), on_device.get()}) {
      const auto state = model->NewState(0, {.temperature = round % 2 * 0.8f, .seed = 5});
      const DraftInput input = {.state = state.get(),
                                .token_ids = tokens,
                                .hidden_states = states,
                                .node_budget = 16,
                                .max_depth = 4};
      const auto trees = model->Draft({&input, 1});
      CHIMERA_ASSERT_OK(trees);
      paths[model == on_device.get()] = PathsOf((*trees)[0]);
    }
    for (const std::vector<int32_t>& path : paths[0]) {
      ++nodes;
      shared += static_cast<int64_t>(paths[1].count(path));
    }
  }
  EXPECT_GT(nodes, 30);
  EXPECT_GE(shared, nodes * 9 / 10);
}

TEST_F(CudaDraftModelTest, ALostDeviceIsAnError) {
  cuda::ScopedEmulatedComputer computer;
  const auto model = MakeOnDevice();
  const std::vector<int32_t> tokens = RandomTokens(9);
  const std::vector<uint16_t> states = RandomStates(8);
  computer.FailOperation(10);
  for (int i = 0; i < 2; ++i) {
    const auto state = model->NewState(0, {});
    const DraftInput input = {.state = state.get(),
                              .token_ids = tokens,
                              .hidden_states = states,
                              .node_budget = 16,
                              .max_depth = 4};
    EXPECT_TRUE(cuda::IsDeviceLost(model->Draft({&input, 1}).status())) << i;
  }
}

}  // namespace
}  // namespace chimera::testing
