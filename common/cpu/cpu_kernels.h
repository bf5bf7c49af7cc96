// The kernels of one instruction set, as a table of functions.

#ifndef CHIMERA_COMMON_CPU_CPU_KERNELS_H_
#define CHIMERA_COMMON_CPU_CPU_KERNELS_H_

#include <cstdint>

#include "common/cpu/attention_task.h"
#include "common/cpu/cpu_isa_type.h"
#include "common/cpu/linear_task.h"

namespace chimera {

// Every function gives the bits of its reference in common/ops. Sizes are multiples of 16, those of
// quantize_row and of quantised weights multiples of 32. None keeps state: any thread may call
// them.
struct CpuKernels {
  using Linear = void (*)(const LinearTask& task);

  void (*quantize_row)(const float* x, int64_t size, const QuantizedRowTarget& to);
  void (*rms_norm)(const float* x, const float* weight, int64_t size, float epsilon, float* y);
  void (*silu_mul)(const float* gate, const float* up, int64_t size, float* y);
  // Rotates x [head_count, head_dim] with the rows of a RopeTable.
  void (*rope)(const float* cosines, const float* signed_sines, int64_t head_dim,
               int64_t head_count, float* x);
  void (*add_to)(const float* y, int64_t size, float* x);
  void (*to_half)(const float* x, int64_t size, uint16_t* y);
  void (*attention)(const AttentionTask& task);
  Linear linear_f32, linear_f16, linear_bf16, linear_q8_0, linear_q4_0, linear_q4_1;
};

// REQUIRES: the machine supports `isa`. The table lives as long as the program.
const CpuKernels& GetCpuKernels(CpuIsa isa);

namespace cpu_internal {

// One per translation unit and instruction set.
extern const CpuKernels kPortableKernels;
extern const CpuKernels kAvx2Kernels;
extern const CpuKernels kAvx512VnniKernels;

}  // namespace cpu_internal
}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_CPU_KERNELS_H_
