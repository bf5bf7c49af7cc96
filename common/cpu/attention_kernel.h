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
    const int64_t padded = (task.position_count + S::kLanes - 1) / S::kLanes * S::kLanes;
    ComputeScores(task, padded);
    for (int64_t i = 0; i < task.head_count * task.head_dim; i += S::kLanes) {
      S::Store(task.output + i, S::Set(0.0f));
    }
    for (int64_t head = 0; head < task.head_count; ++head) {
      ScoresToWeights(task.weights + head * padded, task.position_count, padded);
    }
    SumValues(task, padded);
    for (int64_t head = 0; head < task.head_count; ++head) {
      DivideByTotal(task.weights + head * padded, padded, task.head_dim,
                    task.output + head * task.head_dim);
    }
  }

 private:
  using Float = typename S::Float;

  static void Widen(const uint16_t* from, int64_t size, float* to) {
    for (int64_t i = 0; i < size; i += S::kLanes) S::Store(to + i, S::LoadHalf(from + i));
  }

  static void ComputeScores(const AttentionTask& task, int64_t padded) {
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(task.head_dim));
    int64_t position = 0;
    for (int64_t i = 0; i < task.segment_count; ++i) {
      const KvSegment& segment = task.segments[i];
      Widen(segment.keys, segment.count * task.head_dim, task.widened);
      for (int64_t head = 0; head < task.head_count; ++head) {
        const float* query = task.queries + head * task.head_dim;
        float* scores = task.weights + head * padded + position;
        int32_t p = 0;
        for (; p + 4 <= segment.count; p += 4) {
          DotFour(query, task.widened + p * task.head_dim, task.head_dim, scores + p);
        }
        for (; p < segment.count; ++p) {
          scores[p] = Dot(query, task.widened + p * task.head_dim, task.head_dim);
        }
        for (p = 0; p < segment.count; ++p) scores[p] *= scale;
      }
      position += segment.count;
    }
  }

  static float Dot(const float* query, const float* key, int64_t head_dim) {
    Float lanes = S::Set(0.0f);
    for (int64_t d = 0; d < head_dim; d += S::kLanes) {
      lanes = S::Fma(S::Load(query + d), S::Load(key + d), lanes);
    }
    return S::Sum(lanes);
  }

  // Four keys at once: their dependent chains overlap, and the sums share instructions.
  static void DotFour(const float* query, const float* keys, int64_t head_dim, float* dots) {
    Float lanes[4];
#pragma GCC unroll 4
    for (Float& lane : lanes) lane = S::Set(0.0f);
    for (int64_t d = 0; d < head_dim; d += S::kLanes) {
      const Float q = S::Load(query + d);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        lanes[i] = S::Fma(q, S::Load(keys + i * head_dim + d), lanes[i]);
      }
    }
    S::SumEachOfFour(lanes, dots);
  }

  static void ScoresToWeights(float* weights, int64_t count, int64_t padded) {
    // The padding's weights become 0, which changes no sum.
    for (int64_t p = count; p < padded; ++p) weights[p] = -__builtin_inff();
    Float largest = S::Load(weights);
    for (int64_t p = S::kLanes; p < padded; p += S::kLanes) {
      const Float scores = S::Load(weights + p);
      largest = S::Select(S::Less(largest, scores), scores, largest);
    }
    const Float shift = S::Set(S::Max(largest));
    for (int64_t p = 0; p < padded; p += S::kLanes) {
      S::Store(weights + p, VectorExp<S>(S::Sub(S::Load(weights + p), shift)));
    }
  }

  static void SumValues(const AttentionTask& task, int64_t padded) {
    int64_t position = 0;
    for (int64_t i = 0; i < task.segment_count; ++i) {
      const KvSegment& segment = task.segments[i];
      Widen(segment.values, segment.count * task.head_dim, task.widened);
      for (int64_t head = 0; head < task.head_count; ++head) {
        const float* weights = task.weights + head * padded + position;
        float* output = task.output + head * task.head_dim;
        int64_t d = 0;
        for (; d + 4 * S::kLanes <= task.head_dim; d += 4 * S::kLanes) {
          AddValues<4>(weights, task.widened + d, segment.count, task.head_dim, output + d);
        }
        for (; d < task.head_dim; d += S::kLanes) {
          AddValues<1>(weights, task.widened + d, segment.count, task.head_dim, output + d);
        }
      }
      position += segment.count;
    }
  }

  // output[16 kVectors] += weights[p] * values[p] for p ascending.
  template <int kVectors>
  static void AddValues(const float* weights, const float* values, int64_t count, int64_t stride,
                        float* output) {
    Float sums[kVectors];
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) sums[i] = S::Load(output + i * S::kLanes);
    for (int64_t p = 0; p < count; ++p, values += stride) {
      const Float weight = S::Set(weights[p]);
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i) {
        sums[i] = S::Fma(weight, S::Load(values + i * S::kLanes), sums[i]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) S::Store(output + i * S::kLanes, sums[i]);
  }

  static void DivideByTotal(const float* weights, int64_t padded, int64_t head_dim, float* output) {
    Float lanes = S::Set(0.0f);
    for (int64_t p = 0; p < padded; p += S::kLanes) lanes = S::Add(lanes, S::Load(weights + p));
    const Float total = S::Set(S::Sum(lanes));
    for (int64_t d = 0; d < head_dim; d += S::kLanes) {
      S::Store(output + d, S::Div(S::Load(output + d), total));
    }
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_KERNEL_H_
