// First of the three kernels of sample_rows.h: adds the splits, and finds the greatest logits.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_SUM_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_SUM_H_

#include "common/cuda/kernels/sample_rows_state.h"

namespace chimera::sample_rows {

// A block takes kBlockGroups groups of row BlockY().
struct SumKernel {
  using Arguments = KernelArguments;

  static constexpr int kThreads = 256;
  static constexpr int kBlocksPerMultiprocessor = 6;  // at most 40 registers
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kWarpGroups = 2;
  static constexpr int kBlockGroups = kWarps * kWarpGroups;

  struct Shared {
    uint64_t warp_tops[kWarps];
  };

  // For the kernels that follow.
  static CHIMERA_DEVICE void ClearState(RowState* state, const SamplingParams& params) {
    const int thread = device::BlockX() * kThreads + device::ThreadIndex();
    if (thread == 0) {
      state->bound = 0;
      state->best = 0;
      state->ranking_arrivals = 0;
      state->choice_arrivals = 0;
    }
    if (!NeedsRanking(params)) return;
    for (int i = thread; i < kBuckets; i += device::GridX() * kThreads) {
      state->weights[i] = 0;
      state->counts[i] = 0;
    }
  }

  // The sums of the lane's four tokens, which become its logits.
  static CHIMERA_DEVICE device::Vector4 SumPartials(const SampleRowsArguments& call,
                                                    int first_token) {
    device::Vector4 sum = {};
    for (int split = 0; split < call.split_count; ++split) {
      const int64_t row = int64_t{split} * call.row_count + device::BlockY();
      const device::Vector4 addend =
          LoadTokens(call.partials + row * call.partial_size, first_token, call.vocab_size);
      CHIMERA_UNROLL
      for (int i = 0; i < device::kVectorSize; ++i) {
        sum.value[i] = device::Add(sum.value[i], addend.value[i]);
      }
    }
    float* const logits = OfRow(call.logits, call.vocab_size) + first_token;
    if (call.vocab_size % device::kVectorSize == 0) {
      if (first_token < call.vocab_size) device::StoreVector4(logits, sum);
      return sum;
    }
    CHIMERA_UNROLL
    for (int i = 0; i < device::kVectorSize; ++i) {
      if (first_token + i < call.vocab_size) logits[i] = sum.value[i];
    }
    return sum;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const SamplingParams params = arguments.call.rows[device::BlockY()].params;
    ClearState(&arguments.states[device::BlockY()], params);
    uint64_t top = 0;
    CHIMERA_UNROLL
    for (int i = 0; i < kWarpGroups; ++i) {
      const int group = device::BlockX() * kBlockGroups + i * kWarps + device::WarpIndex();
      if (group >= arguments.group_count) continue;
      const device::Vector4 logits = SumPartials(arguments.call, FirstToken(group));
      uint64_t own = 0;
      CHIMERA_UNROLL
      for (int j = 0; j < device::kVectorSize; ++j) {
        const float scaled = Scaled(logits.value[j], params);
        own = device::GreaterRank(own, device::RankOf(scaled, FirstToken(group) + j));
      }
      const uint32_t group_top = device::ReduceMax(static_cast<uint32_t>(own >> 32));
      if (device::LaneIndex() == 0) {
        OfRow(arguments.group_tops, arguments.group_count)[group] = group_top;
      }
      top = device::GreaterRank(top, own);
    }

    Shared& shared = device::SharedMemory<Shared>();
    top = device::WarpMaxRank(top);
    if (device::LaneIndex() == 0) shared.warp_tops[device::WarpIndex()] = top;
    device::SyncThreads();
    if (device::ThreadIndex() != 0) return;
    CHIMERA_UNROLL
    for (int i = 1; i < kWarps; ++i) top = device::GreaterRank(top, shared.warp_tops[i]);
    OfRow(arguments.block_tops, arguments.sum_block_count)[device::BlockX()] = top;
  }
};

}  // namespace chimera::sample_rows

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_SUM_H_
