// Where the sums of a part go. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_RESULTS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_RESULTS_H_

#include <cstdint>

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_context.h"
#include "common/cuda/kernels/attention_fragments.h"
#include "common/cuda/kernels/attention_merge.h"
#include "common/cuda/kernels/attention_softmax.h"

namespace chimera::attention {

// Writes a part to the work's rows of the workspace.
template <int kHeadDim>
CHIMERA_DEVICE void StorePartial(const WorkContext<kHeadDim>& context, const Part<kHeadDim>& part) {
  const TreeAttentionArguments& arguments = context.arguments;
  CHIMERA_UNROLL
  for (int i = 0; i < 2; ++i) {
    if (context.query[i] < 0) continue;
    float* const partial = arguments.workspace + PartialElement<kHeadDim>(context.PartialQuery(i));
    const int column = device::LaneIndex() % 4 * 2;
    CHIMERA_UNROLL
    for (int group = 0; group < kHeadDim / kFragmentColumns; ++group) {
      const float* const sums = part.sums[group].value + 2 * i;
      device::StoreWords2(partial + group * kFragmentColumns + column,
                          {{device::FloatBits(sums[0]), device::FloatBits(sums[1])}});
    }
    if (column != 0) continue;
    device::StoreWords2(partial + kHeadDim, {{device::FloatBits(part.maximum[i]),
                                              device::FloatBits(part.total.value[2 * i])}});
  }
}

// Merges a part with those before it.
template <int kHeadDim>
CHIMERA_DEVICE void MergePart(const Part<kHeadDim>& part, WorkContext<kHeadDim>* context) {
  CHIMERA_UNROLL
  for (int i = 0; i < 2; ++i) {
    if (part.maximum[i] == MaskedScore()) continue;
    const bool is_first = context->merged_maximum[i] == MaskedScore();
    const MergeFactors factors = FactorsOfMerge(context->merged_maximum[i], part.maximum[i]);
    context->merged_maximum[i] = factors.maximum;
    context->merged_total[i] =
        MergeSums(factors, context->merged_total[i], part.total.value[2 * i]);
    CHIMERA_UNROLL
    for (int j = 0; j < kHeadDim / kFragmentColumns * 2; ++j) {
      const int element = j / 2 * 4 + 2 * i + j % 2;
      float& merged = context->shared.merged[element][device::ThreadIndex()];
      const float before = is_first ? 0.0f : merged;
      merged = MergeSums(factors, before, part.sums[j / 2].value[2 * i + j % 2]);
    }
  }
}

// Whichever of them the work asks for.
template <int kHeadDim>
CHIMERA_DEVICE void FinishPart(const Part<kHeadDim>& part, WorkContext<kHeadDim>* context) {
  if (context->work.first_partial_row >= 0) {
    StorePartial(*context, part);
  } else {
    MergePart(part, context);
  }
}

// Divides what has been merged by the sum of weights and writes it to the rows of the output.
template <int kHeadDim>
CHIMERA_DEVICE void StoreOutput(const WorkContext<kHeadDim>& context) {
  CHIMERA_UNROLL
  for (int i = 0; i < 2; ++i) {
    if (context.query[i] < 0) continue;
    const float inverse = device::Div(1.0f, context.merged_total[i]);
    auto* const output =
        reinterpret_cast<uint32_t*>(context.arguments.output + context.StepQuery(i) * kHeadDim);
    CHIMERA_UNROLL
    for (int group = 0; group < kHeadDim / kFragmentColumns; ++group) {
      const auto merged = [&](int j) {
        return context.shared.merged[group * 4 + 2 * i + j][device::ThreadIndex()];
      };
      output[group * 4 + device::LaneIndex() % 4] =
          device::PackBf16(device::Mul(merged(0), inverse), device::Mul(merged(1), inverse));
    }
  }
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_RESULTS_H_
