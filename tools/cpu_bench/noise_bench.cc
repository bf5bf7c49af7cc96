#include "tools/cpu_bench/noise_bench.h"

#include <span>
#include <vector>

#include "common/sampling/sampling_params.h"
#include "common/sampling/shared_noise_sampler.h"
#include "common/tree/token_tree.h"
#include "tools/cpu_bench/bench_steps.h"

namespace chimera {
namespace {

constexpr int32_t kMaxRows = 32;
constexpr SamplingParams kSampled = {.temperature = 1.0f, .seed = 1};

// Logits [count, vocab_size] of a text of `count` tokens that begins with `first_token`.
std::vector<float> WriteText(Backend* backend, int32_t first_token, int32_t count) {
  const std::vector<int32_t> pages = BenchPages(backend->limits().page_count);
  std::vector<float> logits;
  int32_t token = first_token;
  for (int32_t position = 0; position < count; ++position) {
    const StepResult& result = RunStep(backend, {.pages = pages,
                                                 .context_length = position,
                                                 .chunk = std::span(&token, 1),
                                                 .sampling = kSampled,
                                                 .outputs = {.logits = true}});
    logits.insert(logits.end(), result.logits.begin(), result.logits.end());
    token = result.chosen[0];
  }
  return logits;
}

// Seconds per row of choosing a token for every row of `logits` [count, vocab_size].
double TimePerRow(const std::vector<float>& logits, int32_t count, const SamplingParams& sampling,
                  const Timing& timing) {
  const size_t vocab_size = logits.size() / count;
  SharedNoiseSampler sampler;
  const double seconds = BestTime(timing, [&] {
    for (int32_t row = 0; row < count; ++row) {
      sampler.Sample(std::span(logits).subspan(row * vocab_size, vocab_size), sampling, row + 1);
    }
  });
  return seconds / count;
}

}  // namespace

NoiseResult MeasureNoise(Backend* backend, int32_t first_token, int32_t context,
                         const Timing& timing) {
  const int32_t rows = std::min(kMaxRows, backend->config().context_length);
  const std::vector<float> logits = WriteText(backend, first_token, rows);
  const std::vector<int32_t> pages = BenchPages(backend->limits().page_count);
  const TokenTree tree = TokenTree::RootOnly(first_token);
  const SequenceStep step = {
      .pages = pages, .context_length = context, .tree = &tree, .sampling = kSampled};
  return {.rows = rows,
          .greedy_seconds = TimePerRow(logits, rows, SamplingParams(), timing),
          .sampled_seconds = TimePerRow(logits, rows, kSampled, timing),
          .step_seconds = BestTime(timing, [&] { RunStep(backend, step); })};
}

}  // namespace chimera
