// Merges the parts of rows whose work was split. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_MERGE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_MERGE_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/attention_softmax.h"
#include "common/cuda/kernels/tree_attention.h"

namespace chimera::attention {

// A row of the workspace: for each query head the sums of the values' elements, the maximum, the
// sum of weights, and two elements for alignment.
inline constexpr int kPartialPadding = 4;

// The first of `query` of the workspace, counted through its rows and their heads.
template <int kHeadDim>
constexpr int64_t PartialElement(int64_t query) {
  return query * (kHeadDim + kPartialPadding);
}

// One warp per row and query head.
template <int kHeadDim>
struct AttentionMergeKernel {
  using Arguments = TreeAttentionArguments;

  static constexpr int kThreads = 128;
  static constexpr int kBlocksPerMultiprocessor = 8;  // at most 64 registers
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kPairs = kHeadDim / (2 * kWarpSize);  // of elements that a lane has
  static constexpr int kBatch = 4;                           // parts that are loaded together

  struct Sums {
    float maximum;
    float total;
    float value[2 * kPairs];
  };

  static CHIMERA_DEVICE Sums Load(const float* partial) {
    Sums sums;
    const device::Words2 scalars = device::LoadWords2(partial + kHeadDim);
    sums.maximum = device::BitsToFloat(scalars.word[0]);
    sums.total = device::BitsToFloat(scalars.word[1]);
    CHIMERA_UNROLL
    for (int pair = 0; pair < kPairs; ++pair) {
      const int element = 2 * (pair * kWarpSize + device::LaneIndex());
      const device::Words2 words = device::LoadWords2(partial + element);
      sums.value[2 * pair] = device::BitsToFloat(words.word[0]);
      sums.value[2 * pair + 1] = device::BitsToFloat(words.word[1]);
    }
    return sums;
  }

  static CHIMERA_DEVICE void Merge(Sums* sums, const Sums& part) {
    if (part.maximum == MaskedScore()) return;
    const MergeFactors factors = FactorsOfMerge(sums->maximum, part.maximum);
    sums->maximum = factors.maximum;
    sums->total = MergeSums(factors, sums->total, part.total);
    CHIMERA_UNROLL
    for (int i = 0; i < 2 * kPairs; ++i) {
      sums->value[i] = MergeSums(factors, sums->value[i], part.value[i]);
    }
  }

  static CHIMERA_DEVICE void MergeRow(const Arguments& arguments, const AttentionMerge& merge,
                                      int head) {
    Sums sums = {};
    sums.maximum = MaskedScore();
    const auto load = [&](int part) {
      const int64_t row = merge.first_partial_row + part * merge.partial_row_step;
      const int64_t query = row * arguments.head_count + head;
      return Load(arguments.workspace + PartialElement<kHeadDim>(query));
    };
    int part = 0;
    for (; part + kBatch <= merge.part_count; part += kBatch) {
      Sums batch[kBatch];
      CHIMERA_UNROLL
      for (int i = 0; i < kBatch; ++i) batch[i] = load(part + i);
      CHIMERA_UNROLL
      for (int i = 0; i < kBatch; ++i) Merge(&sums, batch[i]);
    }
    for (; part < merge.part_count; ++part) Merge(&sums, load(part));

    const float inverse = device::Div(1.0f, sums.total);
    const int64_t first = (int64_t{merge.row} * arguments.head_count + head) * kHeadDim;
    auto* const output = reinterpret_cast<uint32_t*>(arguments.output + first);
    CHIMERA_UNROLL
    for (int pair = 0; pair < kPairs; ++pair) {
      output[pair * kWarpSize + device::LaneIndex()] =
          device::PackBf16(device::Mul(sums.value[2 * pair], inverse),
                           device::Mul(sums.value[2 * pair + 1], inverse));
    }
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    const auto& header = *reinterpret_cast<const AttentionHeader*>(arguments.plan);
    const auto* merges = reinterpret_cast<const AttentionMerge*>(arguments.plan + header.merges);
    const int count = header.merge_count * arguments.head_count;
    device::WaitForPriorLaunch();
    for (int i = device::BlockX() * kWarps + device::WarpIndex(); i < count;
         i += device::GridX() * kWarps) {
      MergeRow(arguments, merges[i / arguments.head_count], i % arguments.head_count);
    }
  }
};

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_MERGE_H_
