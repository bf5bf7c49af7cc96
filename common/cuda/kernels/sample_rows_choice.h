// Last of the three kernels of sample_rows.h: adds noise where it can matter, and chooses.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_CHOICE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_CHOICE_H_

#include <optional>

#include "common/cuda/device/gumbel_noise.h"
#include "common/cuda/device/last_block.h"
#include "common/cuda/kernels/sample_rows_state.h"
#include "common/sampling/winning_word.h"

namespace chimera::sample_rows {

// A block takes kBlockGroups groups of row BlockY().
struct ChoiceKernel {
  using Arguments = KernelArguments;

  static constexpr int kThreads = 256;
  static constexpr int kBlocksPerMultiprocessor = 4;  // at most 64 registers
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kWarpGroups = 4;
  static constexpr int kBlockGroups = kWarps * kWarpGroups;

  struct Shared {
    bool is_last;
  };

  // What of a row decides which tokens are left.
  struct Filter {
    uint64_t bound;
    float greatest;
    float least_distance;  // of min-p, negative

    CHIMERA_DEVICE bool Keeps(float scaled, uint64_t rank) const {
      return rank >= bound && device::Sub(scaled, greatest) >= least_distance;
    }
  };

  static CHIMERA_DEVICE uint64_t NoisyRank(float scaled, uint32_t word, int32_t token) {
    return device::RankOf(device::Add(scaled, device::Gumbel(word)), token);
  }

  // The rank of the token of greatest logit, with its noise.
  static CHIMERA_DEVICE uint64_t NoisyTop(const SamplingRow& sampling, uint64_t top) {
    const int32_t token = device::TokenOfRank(top);
    const int in_four = token % device::kVectorSize;
    const device::Words4 words =
        device::NoiseWords(sampling.params.seed, sampling.position, token - in_four);
    uint32_t word = words.word[0];
    CHIMERA_UNROLL
    for (int i = 1; i < device::kVectorSize; ++i) {
      if (in_four == i) word = words.word[i];
    }
    return NoisyRank(device::ValueOfRank(top), word, token);
  }

  // The greater of `best` and the noisy ranks of the lane's four tokens, of which words above
  // `limit` cannot win.
  static CHIMERA_DEVICE uint64_t BestOfFour(const SampleRowsArguments& call,
                                            const SamplingRow& sampling, const Filter& filter,
                                            int first_token, uint32_t limit, uint64_t best) {
    const device::Words4 words =
        device::NoiseWords(sampling.params.seed, sampling.position, first_token);
    bool any = false;
    CHIMERA_UNROLL
    for (int i = 0; i < device::kVectorSize; ++i) any = any || words.word[i] <= limit;
    if (!any) return best;
    const device::Vector4 logits =
        LoadTokens(OfRow(call.logits, call.vocab_size), first_token, call.vocab_size);
    CHIMERA_UNROLL
    for (int i = 0; i < device::kVectorSize; ++i) {
      if (words.word[i] > limit) continue;
      const float scaled = Scaled(logits.value[i], sampling.params);
      const int32_t token = first_token + i;
      if (!filter.Keeps(scaled, device::RankOf(scaled, token))) continue;
      best = device::GreaterRank(best, NoisyRank(scaled, words.word[i], token));
    }
    return best;
  }

  // The greater of `best` and the noisy ranks of the warp's groups; the warp's lanes together.
  static CHIMERA_DEVICE uint64_t BestOfGroups(const Arguments& arguments,
                                              const SamplingRow& sampling, const Filter& filter,
                                              uint64_t best) {
    const int first_group = (device::BlockX() * kWarps + device::WarpIndex()) * kWarpGroups;
    const uint32_t* const group_tops = OfRow(arguments.group_tops, arguments.group_count);
    for (int i = 0; i < kWarpGroups; ++i) {
      const int group = first_group + i;
      if (group >= arguments.group_count) break;
      // The group's best token were its first, if any.
      const uint64_t group_top = uint64_t{group_tops[group]} << 32 | ~uint32_t{0};
      const float scaled = device::ValueOfRank(group_top);
      if (!filter.Keeps(scaled, group_top)) continue;
      const std::optional<uint32_t> limit = GreatestWinningWord(device::ValueOfRank(best), scaled);
      if (!limit.has_value()) continue;
      const uint64_t own =
          BestOfFour(arguments.call, sampling, filter, FirstToken(group), *limit, best);
      if (device::Ballot(own != best) != 0) best = device::WarpMaxRank(own);
    }
    return best;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const SamplingRow sampling = arguments.call.rows[device::BlockY()];
    int32_t* const token = &arguments.call.tokens[device::BlockY()];
    const uint64_t top = RowTop(arguments);
    const float greatest = device::ValueOfRank(top);
    if (sampling.params.greedy() || !IsFinite(greatest)) {
      if (device::BlockX() == 0 && device::ThreadIndex() == 0) *token = device::TokenOfRank(top);
      return;
    }

    RowState* const state = &arguments.states[device::BlockY()];
    const Filter filter = {state->bound, greatest, device::Log(sampling.params.min_p)};
    const uint64_t noisy_top = NoisyTop(sampling, top);
    const uint64_t best = BestOfGroups(arguments, sampling, filter, noisy_top);
    const bool is_first = device::BlockX() == 0 && device::WarpIndex() == 0;
    if (device::LaneIndex() == 0 && (best != noisy_top || is_first)) {
      device::AtomicMax(&state->best, best);
    }
    bool* const is_last = &device::SharedMemory<Shared>().is_last;
    if (!device::IsLastBlock(&state->choice_arrivals, device::GridX(), is_last)) return;
    if (device::ThreadIndex() == 0) {
      *token = device::TokenOfRank(device::AtomicMax(&state->best, uint64_t{0}));
    }
  }
};

}  // namespace chimera::sample_rows

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_CHOICE_H_
