// What the attention kernel is given.

#ifndef CHIMERA_COMMON_CPU_ATTENTION_TASK_H_
#define CHIMERA_COMMON_CPU_ATTENTION_TASK_H_

#include <cstdint>

namespace chimera {

// Consecutive positions whose keys and values lie one after the other in memory.
struct KvSegment {
  const uint16_t* keys = nullptr;    // [count, head_dim] fp16
  const uint16_t* values = nullptr;  // [count, head_dim] fp16
  int32_t count = 0;                 // at most kMaxSegment
};

// Positions of the longest segment.
inline constexpr int32_t kMaxSegment = 16;

// Query heads of one row that share a key/value head (common/ops/attention.h).
struct AttentionTask {
  const float* queries = nullptr;  // [head_count, head_dim]
  int64_t head_count = 0;
  int64_t head_dim = 0;
  const KvSegment* segments = nullptr;  // in position order, from position 0
  int64_t segment_count = 0;
  int64_t position_count = 0;  // of all segments
  // Scratch: weights [head_count, position_count rounded up to 16], floats [kMaxSegment, head_dim].
  float* weights = nullptr;
  float* widened = nullptr;
  float* output = nullptr;  // [head_count, head_dim]
};

// Floats of one head's part of AttentionTask::weights.
inline int64_t PaddedPositions(int64_t position_count) { return (position_count + 15) / 16 * 16; }

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_TASK_H_
