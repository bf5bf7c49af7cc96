// Second of the three kernels of sample_rows.h: finds the last token that top-k and top-p keep.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_RANKING_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_RANKING_H_

#include "common/cuda/device/histogram.h"
#include "common/cuda/device/last_block.h"
#include "common/cuda/kernels/sample_rows_state.h"
#include "common/sampling/softmax_weight.h"

namespace chimera::sample_rows {

// A block counts the tokens of kBlockGroups groups of row BlockY() by distance from the greatest
// scaled logit. The last block of a row finds the bucket in which a filter ends, and in this bucket
// the token, digit by digit of its rank. Min-p, which like the others keeps the front of the
// ranking, comes first here: the three together keep the same tokens in any order of top-k and
// min-p.
struct RankingKernel {
  using Arguments = KernelArguments;
  using Measure = device::Measure;
  using Vector4 = device::Vector4;

  static constexpr int kThreads = 512;
  static constexpr int kBlocksPerMultiprocessor = 2;  // at most 64 registers
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kWarpGroups = 4;  // that a warp has on their way from memory
  static constexpr int kBlockGroups = kWarps * kWarpGroups;

  // Tokens without weight share the last bucket, as far as noise can bring them to the top: noise
  // lies in [-2.82, 22.9], and a sum may round by half of what separates its neighbours. Up to 32
  // between neighbours, 64 is too far; beyond, noise changes no logit. What is as far or farther is
  // not counted: kept or not, it is not chosen, and without it no other token is ranked better.
  static constexpr float kFarthest = 64.0f;
  static constexpr float kBucketsPerUnit = 31.9f;
  static_assert(kZeroWeightDistance * kBucketsPerUnit < kBuckets - 1);

  static constexpr int kDigitBits = 8;
  static constexpr int kDigits = 1 << kDigitBits;
  static constexpr int kMaxCandidates = 2048;

  struct Shared {
    device::Histogram<kBuckets> buckets;
    device::Histogram<kDigits> digits;
    device::Crossing crossing;
    uint64_t selected;
    uint32_t candidate_count;
    bool is_last;
    // Ranks of tokens, as long as there are few enough.
    uint64_t candidates[kMaxCandidates];
  };

  struct Row {
    SamplingParams params;
    const float* logits;
    const uint32_t* group_tops;
    int vocab_size;
    int group_count;
    float greatest;
    float least_distance;  // of min-p, negative
  };

  // kBuckets where the token is too far or its distance NaN.
  static CHIMERA_DEVICE int BucketOf(float distance) {
    if (!(distance < kFarthest)) return kBuckets;
    if (!(distance < kZeroWeightDistance)) return kBuckets - 1;
    return static_cast<int>(device::Mul(distance, kBucketsPerUnit));
  }

  // kBuckets for what min-p drops, too.
  static CHIMERA_DEVICE int KeptBucketOf(const Row& row, float scaled) {
    const bool is_kept = device::Sub(scaled, row.greatest) >= row.least_distance;
    return is_kept ? BucketOf(device::Sub(row.greatest, scaled)) : kBuckets;
  }

  static CHIMERA_DEVICE uint64_t WeightOf(const Row& row, uint64_t rank) {
    return SoftmaxWeight(device::Sub(row.greatest, device::ValueOfRank(rank)));
  }

  // Calls visit(bucket, rank) for the tokens of groups [first, end) in buckets up to
  // `last_bucket`, and some beyond. All threads of the block together.
  template <typename Visit>
  static CHIMERA_DEVICE void VisitTokens(const Row& row, int first, int end, int last_bucket,
                                         const Visit& visit) {
    for (int batch = first + device::WarpIndex() * kWarpGroups; batch < end;
         batch += kBlockGroups) {
      const int own = batch + device::LaneIndex() % kWarpGroups;
      const float own_top = device::ValueOfOrder(own < end ? row.group_tops[own] : 0u);
      const uint32_t needed = device::Ballot(KeptBucketOf(row, own_top) <= last_bucket);
      Vector4 logits[kWarpGroups];
      CHIMERA_UNROLL
      for (int i = 0; i < kWarpGroups; ++i) {
        const bool is_needed = (needed >> i & 1u) != 0;
        logits[i] =
            is_needed ? LoadTokens(row.logits, FirstToken(batch + i), row.vocab_size) : NoTokens();
      }
      CHIMERA_UNROLL
      for (int i = 0; i < kWarpGroups; ++i) {
        if ((needed >> i & 1u) == 0) continue;
        CHIMERA_UNROLL
        for (int j = 0; j < device::kVectorSize; ++j) {
          const float scaled = Scaled(logits[i].value[j], row.params);
          const int bucket = KeptBucketOf(row, scaled);
          visit(bucket, device::RankOf(scaled, FirstToken(batch + i) + j));
        }
      }
    }
  }

  // Counts the block's tokens, in shared memory and then for the row.
  static CHIMERA_DEVICE void CountTokens(const Row& row, RowState* state, Shared* shared) {
    for (int i = device::ThreadIndex(); i < kBuckets; i += kThreads) shared->buckets.Set(i, 0, 0);
    device::SyncThreads();
    const bool needs_weights = row.params.top_p < 1.0f;
    const int first = device::BlockX() * kBlockGroups;
    const int end = first + kBlockGroups < row.group_count ? first + kBlockGroups : row.group_count;
    VisitTokens(row, first, end, kBuckets - 1, [&](int bucket, uint64_t rank) {
      if (bucket == kBuckets) return;
      shared->buckets.Add(bucket, needs_weights ? WeightOf(row, rank) : 0);
    });
    device::SyncThreads();
    for (int i = device::ThreadIndex(); i < kBuckets; i += kThreads) {
      if (shared->buckets.counts[i] == 0) continue;
      device::AtomicAdd(&state->counts[i], shared->buckets.counts[i]);
      device::AtomicAdd(&state->weights[i], shared->buckets.Weight(i));
    }
  }

  // Calls visit(rank) for the candidates: the tokens of `bucket`.
  template <typename Visit>
  static CHIMERA_DEVICE void VisitCandidates(const Row& row, int bucket, const Shared& shared,
                                             const Visit& visit) {
    const auto count = static_cast<int>(shared.candidate_count);
    if (count > kMaxCandidates) {
      VisitTokens(row, 0, row.group_count, bucket, [&](int own_bucket, uint64_t rank) {
        if (own_bucket == bucket) visit(rank);
      });
      return;
    }
    for (int i = device::ThreadIndex(); i < count; i += kThreads) visit(shared.candidates[i]);
  }

  static CHIMERA_DEVICE void CollectCandidates(const Row& row, int bucket, Shared* shared) {
    if (device::ThreadIndex() == 0) shared->candidate_count = 0;
    device::SyncThreads();
    VisitTokens(row, 0, row.group_count, bucket, [&](int own_bucket, uint64_t rank) {
      if (own_bucket != bucket) return;
      const uint32_t place = device::AtomicAdd(&shared->candidate_count, 1u);
      if (place < kMaxCandidates) shared->candidates[place] = rank;
    });
    device::SyncThreads();
  }

  // The rank of the candidate with which their count or weight, from the best one down, reaches
  // `target`. REQUIRES: all together reach it.
  static CHIMERA_DEVICE uint64_t Select(const Row& row, int bucket, Measure measure,
                                        uint64_t target, Shared* shared) {
    CollectCandidates(row, bucket, shared);
    uint64_t prefix = 0;
    for (int shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
      for (int i = device::ThreadIndex(); i < kDigits; i += kThreads) shared->digits.Set(i, 0, 0);
      device::SyncThreads();
      // The best digit has the first bin.
      VisitCandidates(row, bucket, *shared, [&](uint64_t rank) {
        if (rank >> shift >> kDigitBits != prefix) return;
        const int digit = static_cast<int>(rank >> shift) & (kDigits - 1);
        shared->digits.Add(kDigits - 1 - digit,
                           measure == Measure::kWeight ? WeightOf(row, rank) : 0);
      });
      device::SyncThreads();
      const device::Crossing crossing =
          device::FindCrossing(shared->digits, measure, target, &shared->crossing);
      prefix = prefix << kDigitBits | static_cast<uint64_t>(kDigits - 1 - crossing.bin);
      if (shared->digits.counts[crossing.bin] == 1) {
        VisitCandidates(row, bucket, *shared, [&](uint64_t rank) {
          if (rank >> shift == prefix) shared->selected = rank;
        });
        device::SyncThreads();
        return shared->selected;
      }
      target -= crossing.before;
      device::SyncThreads();
    }
    return prefix;
  }

  // The rank of the last token that top-k keeps, 0 where it keeps all that are counted. Leaves in
  // the buckets what it keeps, if top-p follows.
  static CHIMERA_DEVICE uint64_t KeepTopK(const Row& row, Shared* shared) {
    const auto k = static_cast<uint64_t>(row.params.top_k);
    const device::Crossing crossing =
        device::FindCrossing(shared->buckets, Measure::kCount, k, &shared->crossing);
    if (crossing.bin == kBuckets) {
      device::SyncThreads();  // before the crossing is written anew
      return 0;
    }
    const uint64_t last = Select(row, crossing.bin, Measure::kCount, k - crossing.before, shared);
    if (row.params.top_p == 1.0f) return last;
    for (int i = crossing.bin + device::ThreadIndex(); i < kBuckets; i += kThreads) {
      shared->buckets.Set(i, 0, 0);
    }
    device::SyncThreads();
    VisitCandidates(row, crossing.bin, *shared, [&](uint64_t rank) {
      if (rank >= last) shared->buckets.Add(crossing.bin, WeightOf(row, rank));
    });
    device::SyncThreads();
    return last;
  }

  // The rank of the last token that top-p keeps of those in the buckets. What top-k has dropped of
  // its last bucket is a candidate still, but what top-p aims at is reached before.
  static CHIMERA_DEVICE uint64_t KeepTopP(const Row& row, Shared* shared) {
    constexpr uint64_t kUnreachable = ~uint64_t{0};
    const uint64_t total =
        device::FindCrossing(shared->buckets, Measure::kWeight, kUnreachable, &shared->crossing)
            .before;
    device::SyncThreads();
    const uint64_t target = TopPTarget(row.params.top_p, total);
    const device::Crossing crossing =
        device::FindCrossing(shared->buckets, Measure::kWeight, target, &shared->crossing);
    return Select(row, crossing.bin, Measure::kWeight, target - crossing.before, shared);
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const SampleRowsArguments& call = arguments.call;
    const SamplingParams params = call.rows[device::BlockY()].params;
    if (!NeedsRanking(params)) return;
    const float greatest = device::ValueOfRank(RowTop(arguments));
    if (!IsFinite(greatest)) return;
    const Row row = {params,
                     OfRow(call.logits, call.vocab_size),
                     OfRow(arguments.group_tops, arguments.group_count),
                     call.vocab_size,
                     arguments.group_count,
                     greatest,
                     device::Log(params.min_p)};
    RowState* const state = &arguments.states[device::BlockY()];
    Shared& shared = device::SharedMemory<Shared>();
    CountTokens(row, state, &shared);
    if (!device::IsLastBlock(&state->ranking_arrivals, device::GridX(), &shared.is_last)) return;

    for (int i = device::ThreadIndex(); i < kBuckets; i += kThreads) {
      shared.buckets.Set(i, state->counts[i], state->weights[i]);
    }
    device::SyncThreads();
    uint64_t bound = params.top_k > 0 ? KeepTopK(row, &shared) : 0;
    if (params.top_p < 1.0f) bound = KeepTopP(row, &shared);
    if (device::ThreadIndex() == 0) state->bound = bound;
  }
};

}  // namespace chimera::sample_rows

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_RANKING_H_
