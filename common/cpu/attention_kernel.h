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
    const int64_t count = task.paged_count + task.node_count;
    const Shape shape = {.count = count,
                         .padded = (count + S::kLanes - 1) / S::kLanes * S::kLanes,
                         .scale = 1.0f / __builtin_sqrtf(static_cast<float>(task.head_dim))};
    int64_t head = 0;
    for (; head + kMostHeads <= task.head_count; head += kMostHeads) {
      RunHeads<kMostHeads>(task, shape, head);
    }
    switch (task.head_count - head) {
      case 1:
        return RunHeads<1>(task, shape, head);
      case 2:
        return RunHeads<2>(task, shape, head);
      case 3:
        return RunHeads<3>(task, shape, head);
    }
  }

 private:
  using Float = typename S::Float;

  static_assert(S::kLanes == kKvPagePositions);

  // Heads that are computed together, so that a key or value is loaded and widened once for them.
  static constexpr int kMostHeads = 4;

  // How far ahead of their use keys are asked for; values have until all scores are there.
  static constexpr int64_t kPagesAhead = 4;

  struct Shape {
    int64_t count;   // positions
    int64_t padded;  // positions in scratch
    float scale;     // of the scores
  };

  template <int kHeads>
  static void RunHeads(const AttentionTask& task, const Shape& shape, int64_t head) {
    const float* queries = task.queries + head * task.head_dim;
    float* weights = task.weights + head * shape.padded;
    float* output = task.output + head * task.head_dim;
    const int64_t pages = (task.paged_count + kKvPagePositions - 1) / kKvPagePositions;
    for (int64_t page = 0; page < pages; ++page) {
      if (task.is_cold) PrefetchFor(task, page, pages);
      ScorePage<kHeads>(task.pages[page].keys, queries, task.head_dim, shape,
                        weights + page * kKvPagePositions);
    }
    for (int64_t node = 0; node < task.node_count; ++node) {
      ScoreNode<kHeads>(task.nodes[node].key, queries, task.head_dim, shape,
                        weights + task.paged_count + node);
    }
    float totals[kHeads];
    for (int i = 0; i < kHeads; ++i) {
      totals[i] = ScoresToWeights(shape, weights + i * shape.padded);
    }
    constexpr int kFit = (S::kRegisters - 2) / kHeads;  // beside a value and a weight
    constexpr int kVectors = kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    int64_t d = 0;
    for (; d + kVectors * S::kLanes <= task.head_dim; d += kVectors * S::kLanes) {
      SumValues<kHeads, kVectors>(task, weights, shape.padded, totals, d, output + d);
    }
    for (; d < task.head_dim; d += S::kLanes) {
      SumValues<kHeads, 1>(task, weights, shape.padded, totals, d, output + d);
    }
  }

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

  // Scores of all positions of a page. Lane j of the reference's sum is a vector here, with one
  // position per lane, and SumLanes adds vectors.
  template <int kHeads>
  static void ScorePage(const uint16_t* keys, const float* queries, int64_t head_dim,
                        const Shape& shape, float* scores) {
    Float sums[kHeads];
    SumOfLanes<kHeads, 1, 0>(keys, queries, head_dim, sums);
#pragma GCC unroll 4
    for (int i = 0; i < kHeads; ++i) {
      S::Store(scores + i * shape.padded, S::Mul(sums[i], S::Set(shape.scale)));
    }
  }

  // Lanes kLane, kLane + kStep, kLane + 2 kStep, ... added up as SumLanes does: all if kStep is 1.
  template <int kHeads, int kStep, int kLane>
  static void SumOfLanes(const uint16_t* keys, const float* queries, int64_t head_dim,
                         Float (&sums)[kHeads]) {
    if constexpr (kStep == S::kLanes) {
#pragma GCC unroll 4
      for (int i = 0; i < kHeads; ++i) sums[i] = S::Set(0.0f);
      for (int64_t d = kLane; d < head_dim; d += S::kLanes) {
        const Float key = S::LoadHalf(keys + d * kKvPagePositions);
#pragma GCC unroll 4
        for (int i = 0; i < kHeads; ++i) {
          sums[i] = S::Fma(S::Set(queries[i * head_dim + d]), key, sums[i]);
        }
      }
    } else {
      Float others[kHeads];
      SumOfLanes<kHeads, 2 * kStep, kLane>(keys, queries, head_dim, sums);
      SumOfLanes<kHeads, 2 * kStep, kLane + kStep>(keys, queries, head_dim, others);
#pragma GCC unroll 4
      for (int i = 0; i < kHeads; ++i) sums[i] = S::Add(sums[i], others[i]);
    }
  }

  // The scores of one position.
  template <int kHeads>
  static void ScoreNode(const uint16_t* key, const float* queries, int64_t head_dim,
                        const Shape& shape, float* scores) {
    Float lanes[kMostHeads];
#pragma GCC unroll 4
    for (Float& lane : lanes) lane = S::Set(0.0f);
    for (int64_t d = 0; d < head_dim; d += S::kLanes) {
      const Float part = S::LoadHalf(key + d);
#pragma GCC unroll 4
      for (int i = 0; i < kHeads; ++i) {
        lanes[i] = S::Fma(S::Load(queries + i * head_dim + d), part, lanes[i]);
      }
    }
    float dots[kMostHeads];
    S::SumEachOfFour(lanes, dots);
    for (int i = 0; i < kHeads; ++i) scores[i * shape.padded] = dots[i] * shape.scale;
  }

  // Returns the total of the weights.
  [[gnu::flatten]] static float ScoresToWeights(const Shape& shape, float* weights) {
    // The padding's weights become 0, which changes no sum.
    for (int64_t p = shape.count; p < shape.padded; ++p) weights[p] = -__builtin_inff();
    Float largest = S::Load(weights);
    for (int64_t p = S::kLanes; p < shape.padded; p += S::kLanes) {
      const Float scores = S::Load(weights + p);
      largest = S::Select(S::Less(largest, scores), scores, largest);
    }
    const Float shift = S::Set(S::Max(largest));
    Float lanes = S::Set(0.0f);
    for (int64_t p = 0; p < shape.padded; p += S::kLanes) {
      const Float weight = VectorExp<S>(S::Sub(S::Load(weights + p), shift));
      S::Store(weights + p, weight);
      lanes = S::Add(lanes, weight);
    }
    return S::Sum(lanes);
  }

  // output[16 kVectors] = sum of weights[p] * values[p], p ascending, divided by the total; `first`
  // is the first element of the values.
  template <int kHeads, int kVectors>
  static void SumValues(const AttentionTask& task, const float* weights, int64_t padded,
                        const float (&totals)[kHeads], int64_t first, float* output) {
    Float sums[kHeads][kVectors];
#pragma GCC unroll 4
    for (auto& head_sums : sums) {
#pragma GCC unroll 4
      for (Float& sum : head_sums) sum = S::Set(0.0f);
    }
    for (int64_t begin = 0; begin < task.paged_count; begin += kKvPagePositions) {
      const uint16_t* value = task.pages[begin / kKvPagePositions].values + first;
      const int64_t left = task.paged_count - begin;
      const int64_t end = begin + (left < kKvPagePositions ? left : kKvPagePositions);
      for (int64_t p = begin; p < end; ++p, value += task.head_dim) {
        AddValue(value, weights + p, padded, sums);
      }
    }
    for (int64_t node = 0; node < task.node_count; ++node) {
      AddValue(task.nodes[node].value + first, weights + task.paged_count + node, padded, sums);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kHeads; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        S::Store(output + i * task.head_dim + j * S::kLanes, S::Div(sums[i][j], S::Set(totals[i])));
      }
    }
  }

  template <int kHeads, int kVectors>
  static void AddValue(const uint16_t* value, const float* weights, int64_t padded,
                       Float (&sums)[kHeads][kVectors]) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      const Float part = S::LoadHalf(value + j * S::kLanes);
#pragma GCC unroll 4
      for (int i = 0; i < kHeads; ++i) {
        sums[i][j] = S::Fma(S::Set(weights[i * padded]), part, sums[i][j]);
      }
    }
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_KERNEL_H_
