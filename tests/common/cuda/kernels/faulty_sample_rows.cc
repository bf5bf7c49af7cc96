#include "tests/common/cuda/kernels/faulty_sample_rows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/deterministic_math.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/launch.h"
#include "common/sampling/gumbel_noise.h"
#include "common/sampling/softmax_weight.h"

namespace chimera::testing {
namespace {

enum class Fault { kNone, kTiesToHighestId, kFloatWeights, kAllTiesOfTopK, kNoiseOfPlace };

struct Candidate {
  float logit;  // scaled
  int32_t token;
};

// `Sum` is the type in which weights are added.
template <typename Sum>
size_t SizeOfTopP(const std::vector<Candidate>& ranking, float top_p) {
  const float greatest = ranking.front().logit;
  Sum total = 0;
  for (const Candidate& candidate : ranking) {
    total += static_cast<Sum>(SoftmaxWeight(greatest - candidate.logit));
  }
  const double target = std::ceil(double{top_p} * static_cast<double>(total));
  Sum sum = 0;
  size_t size = 0;
  while (size < ranking.size() && static_cast<double>(sum) < target) {
    sum += static_cast<Sum>(SoftmaxWeight(greatest - ranking[size++].logit));
  }
  return size;
}

int32_t Choose(const std::vector<float>& logits, const SamplingRow& row, Fault fault) {
  const SamplingParams& params = row.params;
  std::vector<Candidate> ranking;
  for (size_t i = 0; i < logits.size(); ++i) {
    const float scaled = params.greedy() ? logits[i] : logits[i] / params.temperature;
    if (!std::isnan(scaled)) ranking.push_back({scaled, static_cast<int32_t>(i)});
  }
  if (ranking.empty()) return 0;
  if (fault == Fault::kTiesToHighestId) std::reverse(ranking.begin(), ranking.end());
  const auto is_greater = [](const Candidate& a, const Candidate& b) { return a.logit > b.logit; };
  std::stable_sort(ranking.begin(), ranking.end(), is_greater);
  const float greatest = ranking.front().logit;
  if (params.greedy() || !std::isfinite(greatest)) return ranking.front().token;

  if (params.top_k > 0) {
    size_t size = std::min<size_t>(ranking.size(), params.top_k);
    while (fault == Fault::kAllTiesOfTopK && size < ranking.size() &&
           ranking[size].logit == ranking[size - 1].logit) {
      ++size;
    }
    ranking.resize(size);
  }
  if (params.min_p > 0) {
    const float least = LogF(params.min_p);
    std::erase_if(ranking, [&](const Candidate& c) { return c.logit - greatest < least; });
  }
  if (params.top_p < 1) {
    ranking.resize(fault == Fault::kFloatWeights ? SizeOfTopP<float>(ranking, params.top_p)
                                                 : SizeOfTopP<uint64_t>(ranking, params.top_p));
  }

  const int64_t place = fault == Fault::kNoiseOfPlace ? device::BlockX() : 0;
  const NoiseRow noise(params.seed, row.position + place);
  for (Candidate& candidate : ranking) candidate.logit += noise.Gumbel(candidate.token);
  return std::min_element(ranking.begin(), ranking.end(),
                          [](const Candidate& a, const Candidate& b) {
                            return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
                          })
      ->token;
}

// One thread per row: it must be caught for what it computes.
struct Kernel {
  struct Arguments {
    SampleRowsArguments call;
    Fault fault;
  };
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;

  static void Run(const Arguments& arguments) {
    if (device::ThreadIndex() != 0) return;
    const SampleRowsArguments& call = arguments.call;
    std::vector<float> logits(call.vocab_size, 0.0f);
    for (int split = 0; split < call.split_count; ++split) {
      const int64_t row = int64_t{split} * call.row_count + device::BlockX();
      for (int i = 0; i < call.vocab_size; ++i) {
        logits[i] = device::Add(logits[i], call.partials[row * call.vocab_size + i]);
      }
    }
    std::copy(logits.begin(), logits.end(),
              call.logits + int64_t{device::BlockX()} * call.vocab_size);
    call.tokens[device::BlockX()] = Choose(logits, call.rows[device::BlockX()], arguments.fault);
  }
};

absl::Status LaunchWith(StreamView stream, const SampleRowsArguments& arguments, Fault fault) {
  return Launch<Kernel>(stream, {{arguments.row_count, 1, 1}}, {arguments, fault});
}

}  // namespace

absl::Status LaunchFaultlessSampleRows(StreamView stream, const SampleRowsArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kNone);
}

absl::Status LaunchSampleRowsWithTiesToHighestId(StreamView stream,
                                                 const SampleRowsArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kTiesToHighestId);
}

absl::Status LaunchSampleRowsWithFloatWeights(StreamView stream,
                                              const SampleRowsArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kFloatWeights);
}

absl::Status LaunchSampleRowsWithAllTiesOfTopK(StreamView stream,
                                               const SampleRowsArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kAllTiesOfTopK);
}

absl::Status LaunchSampleRowsWithNoiseOfPlace(StreamView stream,
                                              const SampleRowsArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kNoiseOfPlace);
}

}  // namespace chimera::testing
