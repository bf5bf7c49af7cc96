#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/deterministic_math.h"
#include "common/base/float16.h"
#include "common/ops/attention.h"
#include "common/ops/lane_sum.h"

namespace chimera {
namespace {

float Dot(std::span<const float> query, const uint16_t* key) {
  std::array<float, kSumLanes> lanes = {};
  for (size_t d = 0; d < query.size(); ++d) {
    lanes[d % kSumLanes] = std::fma(query[d], HalfToFloat(key[d]), lanes[d % kSumLanes]);
  }
  return SumLanes(lanes);
}

}  // namespace

void AttentionReference(std::span<const float> query, std::span<const uint16_t* const> keys,
                        std::span<const uint16_t* const> values, std::span<float> output) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(query.size()));
  std::vector<float> weights;
  for (const uint16_t* key : keys) weights.push_back(Dot(query, key) * scale);
  const float largest = *std::max_element(weights.begin(), weights.end());

  std::array<float, kSumLanes> lanes = {};
  for (size_t position = 0; position < weights.size(); ++position) {
    weights[position] = ExpF(weights[position] - largest);
    lanes[position % kSumLanes] += weights[position];
  }
  const float total = SumLanes(lanes);
  for (size_t d = 0; d < output.size(); ++d) {
    float sum = 0;
    for (size_t position = 0; position < weights.size(); ++position) {
      sum = std::fma(weights[position], HalfToFloat(values[position][d]), sum);
    }
    output[d] = sum / total;
  }
}

}  // namespace chimera
