// Attention over scattered keys and values (common/ops/attention.h), sixteen lanes at a time.

#ifndef CHIMERA_COMMON_CPU_ATTENTION_KERNEL_H_
#define CHIMERA_COMMON_CPU_ATTENTION_KERNEL_H_

#include "common/base/vector_math.h"
#include "common/cpu/attention_task.h"

namespace chimera {

// S is a type like PortableSimd.
template <typename S>
class AttentionKernel {
 public:
  static void Run(const AttentionTask& task) {
    int64_t head = 0;
    for (; head + kMostHeads <= task.head_count; head += kMostHeads) {
      RunHeads<kMostHeads>(task, head);
    }
    switch (task.head_count - head) {
      case 1:
        return RunHeads<1>(task, head);
      case 2:
        return RunHeads<2>(task, head);
      case 3:
        return RunHeads<3>(task, head);
    }
  }

 private:
  using Float = typename S::Float;

  static_assert(S::kLanes == kKvPagePositions);

  // Heads of one row that are computed together.
  static constexpr int kMostHeads = 4;

  // Heads of all rows that are: their sums and partial sums (SumOfLanes) must fit in registers.
  static constexpr int kHeadsAtOnce = S::kRegisters >= 32 ? kAttentionHeadsAtOnce : kMostHeads;
  static_assert(kMostHeads <= kHeadsAtOnce && kHeadsAtOnce <= kAttentionHeadsAtOnce);

  // How far ahead of their use keys are asked for; values have until all scores are there.
  static constexpr int64_t kPagesAhead = 4;

  // What is computed together: kHeads heads of each of kRows rows. Head i of row r has the number
  // r * kHeads + i, here and in all arrays below.
  template <int kRows, int kHeads>
  struct Block {
    static constexpr int kCount = kRows * kHeads;

    const AttentionTask& task;
    const AttentionRow* rows = nullptr;  // [kRows]
    int64_t head = 0;                    // the first
    int64_t page_count = 0;              // of the row with the most
    int64_t common = 0;                  // positions in pages that all rows have
    int64_t padded = 0;                  // weights of one head
    float scale = 0;                     // of the scores
    const float* queries[kRows] = {};    // [kHeads, head_dim] each
    float totals[kCount] = {};           // of the weights

    float* weights(int number) const { return task.weights + number * padded; }
  };

  template <int kHeads>
  static void RunHeads(const AttentionTask& task, int64_t head) {
    constexpr int kRows = kHeadsAtOnce / kHeads;
    int64_t row = 0;
    for (; row + kRows <= task.row_count; row += kRows) RunBlock<kRows, kHeads>(task, row, head);
    for (; row < task.row_count; ++row) RunBlock<1, kHeads>(task, row, head);
  }

  template <int kRows, int kHeads>
  static void RunBlock(const AttentionTask& task, int64_t row, int64_t head) {
    Block<kRows, kHeads> block = {.task = task, .rows = task.rows + row, .head = head};
    block.scale = 1.0f / __builtin_sqrtf(static_cast<float>(task.head_dim));
    block.common = block.rows[0].paged_count;
    int64_t most_paged = 0, most = 0;
    for (int r = 0; r < kRows; ++r) {
      const AttentionRow& part = block.rows[r];
      block.queries[r] = part.queries + head * task.head_dim;
      block.common = Smaller(block.common, part.paged_count);
      most_paged = Larger(most_paged, part.paged_count);
      most = Larger(most, part.paged_count + part.node_count);
    }
    block.page_count = (most_paged + kKvPagePositions - 1) / kKvPagePositions;
    block.padded = Padded(most);

    ScorePages(block, task.is_cold && row == 0);
    for (int r = 0; r < kRows; ++r) {
      ScoreNodes(block, r);
      const int64_t count = block.rows[r].paged_count + block.rows[r].node_count;
      for (int i = r * kHeads; i < (r + 1) * kHeads; ++i) {
        block.totals[i] = ScoresToWeights(count, block.weights(i));
      }
    }
    constexpr int kFit = (S::kRegisters - 2) / block.kCount;  // beside a value and a weight
    constexpr int kVectors = kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    int64_t d = 0;
    for (; d + kVectors * S::kLanes <= task.head_dim; d += kVectors * S::kLanes) {
      SumValues<kVectors>(block, d);
    }
    for (; d < task.head_dim; d += S::kLanes) SumValues<1>(block, d);
  }

  static int64_t Smaller(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t Larger(int64_t a, int64_t b) { return a < b ? b : a; }
  static int64_t Padded(int64_t count) { return (count + S::kLanes - 1) / S::kLanes * S::kLanes; }

  // Asks for what is needed after the scores of a page: keys of a later page, values of this one.
  static void PrefetchFor(const AttentionTask& task, int64_t page, int64_t page_count) {
    constexpr int64_t kCacheLine = 64 / sizeof(uint16_t);
    const int64_t size = task.head_dim * kKvPagePositions;
    const int64_t later = page + kPagesAhead < page_count ? page + kPagesAhead : page;
    for (int64_t i = 0; i < size; i += kCacheLine) {
      __builtin_prefetch(task.pages[later].keys + i, 0, 2);
      __builtin_prefetch(task.pages[page].values + i, 0, 2);
    }
  }

  // Scores of all positions of all pages; those that a row does not have mean nothing. Lane j of the
  // reference's sum is a vector here, with one position per lane, and SumLanes adds vectors.
  template <int kRows, int kHeads>
  [[gnu::flatten]] static void ScorePages(const Block<kRows, kHeads>& block, bool is_cold) {
    for (int64_t page = 0; page < block.page_count; ++page) {
      if (is_cold) PrefetchFor(block.task, page, block.page_count);
      Float sums[kRows * kHeads];
      SumOfLanes<1, 0>(block, block.task.pages[page].keys, sums);
#pragma GCC unroll 6
      for (int i = 0; i < kRows * kHeads; ++i) {
        S::Store(block.weights(i) + page * kKvPagePositions, S::Mul(sums[i], S::Set(block.scale)));
      }
    }
  }

  // Lanes kLane, kLane + kStep, kLane + 2 kStep, ... added up as SumLanes does: all if kStep is 1.
  template <int kStep, int kLane, int kRows, int kHeads>
  static void SumOfLanes(const Block<kRows, kHeads>& block, const uint16_t* keys,
                         Float (&sums)[kRows * kHeads]) {
    const int64_t head_dim = block.task.head_dim;
    if constexpr (kStep == S::kLanes) {
#pragma GCC unroll 6
      for (Float& sum : sums) sum = S::Set(0.0f);
      for (int64_t d = kLane; d < head_dim; d += S::kLanes) {
        const Float key = S::LoadHalf(keys + d * kKvPagePositions);
#pragma GCC unroll 6
        for (int i = 0; i < kRows * kHeads; ++i) {
          const float query = block.queries[i / kHeads][i % kHeads * head_dim + d];
          sums[i] = S::Fma(S::Set(query), key, sums[i]);
        }
      }
    } else {
      Float others[kRows * kHeads];
      SumOfLanes<2 * kStep, kLane>(block, keys, sums);
      SumOfLanes<2 * kStep, kLane + kStep>(block, keys, others);
#pragma GCC unroll 6
      for (int i = 0; i < kRows * kHeads; ++i) sums[i] = S::Add(sums[i], others[i]);
    }
  }

  // The scores of the nodes of row `r`, behind those of its pages.
  template <int kRows, int kHeads>
  static void ScoreNodes(const Block<kRows, kHeads>& block, int r) {
    const int64_t head_dim = block.task.head_dim;
    const AttentionRow& row = block.rows[r];
    for (int64_t node = 0; node < row.node_count; ++node) {
      Float lanes[kMostHeads];
#pragma GCC unroll 4
      for (Float& lane : lanes) lane = S::Set(0.0f);
      for (int64_t d = 0; d < head_dim; d += S::kLanes) {
        const Float part = S::LoadHalf(row.nodes[node].key + d);
#pragma GCC unroll 4
        for (int i = 0; i < kHeads; ++i) {
          lanes[i] = S::Fma(S::Load(block.queries[r] + i * head_dim + d), part, lanes[i]);
        }
      }
      float dots[kMostHeads];
      S::SumEachOfFour(lanes, dots);
      for (int i = 0; i < kHeads; ++i) {
        block.weights(r * kHeads + i)[row.paged_count + node] = dots[i] * block.scale;
      }
    }
  }

  // Returns the total of the weights.
  [[gnu::flatten]] static float ScoresToWeights(int64_t count, float* weights) {
    const int64_t padded = Padded(count);
    // The padding's weights become 0, which changes no sum.
    for (int64_t p = count; p < padded; ++p) weights[p] = -__builtin_inff();
    Float largest = S::Load(weights);
    for (int64_t p = S::kLanes; p < padded; p += S::kLanes) {
      const Float scores = S::Load(weights + p);
      largest = S::Select(S::Less(largest, scores), scores, largest);
    }
    const Float shift = S::Set(S::Max(largest));
    Float lanes = S::Set(0.0f);
    for (int64_t p = 0; p < padded; p += S::kLanes) {
      const Float weight = VectorExp<S>(S::Sub(S::Load(weights + p), shift));
      S::Store(weights + p, weight);
      lanes = S::Add(lanes, weight);
    }
    return S::Sum(lanes);
  }

  // output[16 kVectors] = sum of weights[p] * values[p], p ascending, divided by the total; `first`
  // is the first element of the values.
  template <int kVectors, int kRows, int kHeads>
  [[gnu::flatten]] static void SumValues(const Block<kRows, kHeads>& block, int64_t first) {
    const AttentionTask& task = block.task;
    Float sums[kRows * kHeads][kVectors];
#pragma GCC unroll 6
    for (auto& head_sums : sums) {
#pragma GCC unroll 4
      for (Float& sum : head_sums) sum = S::Set(0.0f);
    }
    for (int64_t begin = 0; begin < block.common; begin += kKvPagePositions) {
      const uint16_t* value = task.pages[begin / kKvPagePositions].values + first;
      const int64_t end = Smaller(begin + kKvPagePositions, block.common);
      for (int64_t p = begin; p < end; ++p, value += task.head_dim) {
        AddValue<0, kRows * kHeads>(block, value, p, sums);
      }
    }
    AddOwnValues<0>(block, first, sums);
#pragma GCC unroll 6
    for (int i = 0; i < kRows * kHeads; ++i) {
      float* const output =
          block.rows[i / kHeads].output + (block.head + i % kHeads) * task.head_dim + first;
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        S::Store(output + j * S::kLanes, S::Div(sums[i][j], S::Set(block.totals[i])));
      }
    }
  }

  // Adds what not all rows have, for row kRow and those behind it.
  template <int kRow, int kVectors, int kRows, int kHeads>
  static void AddOwnValues(const Block<kRows, kHeads>& block, int64_t first,
                           Float (&sums)[kRows * kHeads][kVectors]) {
    if constexpr (kRow < kRows) {
      const AttentionRow& row = block.rows[kRow];
      constexpr int kBegin = kRow * kHeads;
      for (int64_t p = block.common; p < row.paged_count; ++p) {
        const int64_t at = p % kKvPagePositions * block.task.head_dim + first;
        AddValue<kBegin, kBegin + kHeads>(block, block.task.pages[p / kKvPagePositions].values + at,
                                          p, sums);
      }
      for (int64_t node = 0; node < row.node_count; ++node) {
        AddValue<kBegin, kBegin + kHeads>(block, row.nodes[node].value + first,
                                          row.paged_count + node, sums);
      }
      AddOwnValues<kRow + 1>(block, first, sums);
    }
  }

  // Adds the value of position `p` to the sums [kBegin, kEnd).
  template <int kBegin, int kEnd, int kVectors, int kRows, int kHeads>
  static void AddValue(const Block<kRows, kHeads>& block, const uint16_t* value, int64_t p,
                       Float (&sums)[kRows * kHeads][kVectors]) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      const Float part = S::LoadHalf(value + j * S::kLanes);
#pragma GCC unroll 6
      for (int i = kBegin; i < kEnd; ++i) {
        sums[i][j] = S::Fma(S::Set(block.weights(i)[p]), part, sums[i][j]);
      }
    }
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_KERNEL_H_
