// What the three kernels of sample_rows.h tell each other, and how they read a row. For those
// kernels only.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_STATE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_STATE_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/device/rank.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/sample_rows.h"

namespace chimera::sample_rows {

// Consecutive tokens that a warp reads at once, four to a lane. Most can be passed over because of
// their greatest logit.
inline constexpr int kGroupSize = kWarpSize * device::kVectorSize;

// Buckets of distance from the greatest scaled logit, as the ranking counts them.
inline constexpr int kBuckets = 800;

struct RowState {
  uint64_t bound;  // tokens of lower rank by scaled logit are filtered out
  uint64_t best;   // the greatest rank by noisy logit of the blocks so far
  uint32_t ranking_arrivals;
  uint32_t choice_arrivals;
  uint64_t weights[kBuckets];
  uint32_t counts[kBuckets];
};

struct KernelArguments {
  SampleRowsArguments call;
  int group_count;       // of a row
  int sum_block_count;   // of a row
  RowState* states;      // [row_count]
  uint64_t* block_tops;  // [row_count, sum_block_count], the greatest rank of each block's tokens
  uint32_t* group_tops;  // [row_count, group_count], OrderOf() the greatest scaled logit
};

// Whether a row has a filter that takes ranking. Min-p needs the greatest logit only.
CHIMERA_DEVICE bool NeedsRanking(const SamplingParams& params) {
  return !params.greedy() && (params.top_k > 0 || params.top_p < 1.0f);
}

// What is ranked: logit / temperature, or the logit itself where the row is greedy.
CHIMERA_DEVICE float Scaled(float logit, const SamplingParams& params) {
  return params.greedy() ? logit : device::Div(logit, params.temperature);
}

// x - x is NaN for infinities and NaN.
CHIMERA_DEVICE bool IsFinite(float x) { return device::Sub(x, x) == 0.0f; }

CHIMERA_DEVICE device::Vector4 NoTokens() {
  const float nan = device::BitsToFloat(0x7fc00000u);
  return {{nan, nan, nan, nan}};
}

// Four tokens of a row from first_token on, a multiple of 4; NaN for those beyond the vocabulary.
CHIMERA_DEVICE device::Vector4 LoadTokens(const float* row, int first_token, int vocab_size) {
  device::Vector4 logits = NoTokens();
  if (vocab_size % device::kVectorSize == 0) {
    if (first_token < vocab_size) logits = device::LoadVector4(row + first_token);
    return logits;
  }
  CHIMERA_UNROLL
  for (int i = 0; i < device::kVectorSize; ++i) {
    if (first_token + i < vocab_size) logits.value[i] = row[first_token + i];
  }
  return logits;
}

// The first of the four tokens of the calling lane in a group.
CHIMERA_DEVICE int FirstToken(int group) {
  return group * kGroupSize + device::LaneIndex() * device::kVectorSize;
}

// The part of an array [row_count, size] that belongs to the calling block's row.
template <typename Element>
CHIMERA_DEVICE Element* OfRow(Element* elements, int size) {
  return elements + int64_t{device::BlockY()} * size;
}

// The greatest rank of the row by scaled logit; the warp's lanes together.
CHIMERA_DEVICE uint64_t RowTop(const KernelArguments& arguments) {
  const uint64_t* const tops = OfRow(arguments.block_tops, arguments.sum_block_count);
  uint64_t top = 0;
  for (int i = device::LaneIndex(); i < arguments.sum_block_count; i += kWarpSize) {
    top = device::GreaterRank(top, tops[i]);
  }
  return device::WarpMaxRank(top);
}

}  // namespace chimera::sample_rows

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_STATE_H_
