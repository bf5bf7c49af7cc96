// The default model's drafter on an emulated device, and on the processor.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/cpu_backend.h"
#include "common/cpu/cpu_isa.h"
#include "common/cuda/draft_network/cuda_draft_network.h"
#include "common/model/default_model_path.h"
#include "common/model/llama_model.h"
#include "common/tokenizer/tokenizer.h"
#include "drafter/network/cpu_draft_network.h"
#include "drafter/network/drafter_file.h"
#include "tests/testing/default_model.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

constexpr char kText[] =
    "The quick brown fox jumps over the lazy dog. In the beginning there was nothing but water, "
    "and "
    "over the water there was only wind. One day the wind met a boat, and in the boat sat a child "
    "who asked the wind where it came from.";

// The hidden states of the tokens, as serving would send them.
std::vector<uint16_t> HiddenStates(const LlamaModel& model, std::span<const int32_t> tokens,
                                   std::span<const int32_t> tapped_layers) {
  const auto count = static_cast<int32_t>(tokens.size());
  std::vector<int32_t> pages((count + kPagePositions - 1) / kPagePositions);
  std::iota(pages.begin(), pages.end(), 0);
  const auto backend =
      CpuBackend::Create(model.config(), model.weights(),
                         {.limits = {.page_count = static_cast<int32_t>(pages.size()),
                                     .slot_count = 1,
                                     .max_step_rows = count},
                          .isa = AvailableCpuIsas().back()});
  CHIMERA_EXPECT_OK(backend.status());
  const SequenceStep step = {
      .pages = pages, .chunk = tokens, .sample = false, .outputs = {.hidden_states = true}};
  CHIMERA_EXPECT_OK((*backend)->Submit({.sequences = {&step, 1}, .tapped_layers = tapped_layers}));
  return (*(*backend)->Wait())->hidden_states;
}

size_t Best(std::span<const float> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

// Activations are bf16 here and 8 bits there, so near-ties may fall otherwise.
TEST(CudaDefaultDrafterTest, AgreesWithTheProcessor) {
  if (IsOtherModel()) GTEST_SKIP() << "CHIMERA_MODEL names another model than the default one";
  const std::string path =
      std::filesystem::path(DefaultModelPath()).replace_extension(".drafter.safetensors");
  const auto file = DrafterFile::Open(path);
  CHIMERA_ASSERT_OK(file.status());
  const auto target = LlamaModel::Open(DefaultModelPath());
  CHIMERA_ASSERT_OK(target.status());
  const auto tokenizer = Tokenizer::Create((*target)->vocabulary());
  CHIMERA_ASSERT_OK(tokenizer.status());
  const std::vector<int32_t> tokens = (*tokenizer)->Encode(kText, SpecialTokens::kAsText).value();
  const DraftNetworkConfig& config = (*file)->config();
  const std::vector<uint16_t> states = HiddenStates(**target, tokens, config.tapped_layers);
  const size_t row_size = states.size() / tokens.size();

  const DraftNetworkModel model = {.config = config,
                                   .weights = (*file)->weights(),
                                   .embedding = (*target)->weights().token_embedding,
                                   .position_limit = 256};
  ThreadPool threads(1);
  CpuDraftNetwork on_processor(model, {.isa = AvailableCpuIsas().back()});
  const auto on_device = CudaDraftNetwork::Create(model, {.max_contexts = 1, .threads = &threads});
  CHIMERA_ASSERT_OK(on_device.status());
  DraftNetwork* const networks[] = {&on_processor, on_device->get()};
  const std::unique_ptr<DraftContext> owned[] = {networks[0]->NewContext(0),
                                                 networks[1]->NewContext(0)};
  int rows = 0;
  int agreed = 0;
  for (size_t known = 8; known < tokens.size(); known += 4) {
    const size_t old = known == 8 ? 0 : known - 4;
    const size_t first = old == 0 ? 0 : old - 1;
    std::vector<size_t> best[2];
    for (int i = 0; i < 2; ++i) {
      DraftContext* const contexts[] = {owned[i].get()};
      contexts[0]->AddTokens(std::span(tokens).subspan(old, known - old));
      contexts[0]->AddStates(
          static_cast<int64_t>(first),
          std::span(states).subspan(first * row_size, (known - 1 - first) * row_size));
      CHIMERA_ASSERT_OK(networks[i]->EncodeContexts(contexts));
      best[i].push_back(Best(networks[i]->StartTrees(contexts)->row(0)));
      const DraftNode node = {0, -1, tokens[known]};
      best[i].push_back(Best(networks[i]->ExtendTrees({&node, 1})->row(0)));
    }
    for (size_t row = 0; row < best[0].size(); ++row) {
      ++rows;
      agreed += best[0][row] == best[1][row];
    }
  }
  EXPECT_GE(rows, 16);
  EXPECT_GE(agreed, rows - 1) << "of " << rows;
}

}  // namespace
}  // namespace chimera::testing
