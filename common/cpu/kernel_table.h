// Fills a CpuKernels table from templates; each instruction set's translation unit does so once.

#ifndef CHIMERA_COMMON_CPU_KERNEL_TABLE_H_
#define CHIMERA_COMMON_CPU_KERNEL_TABLE_H_

#include "common/cpu/attention_kernel.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/linear_float_kernel.h"
#include "common/cpu/linear_tiles.h"
#include "common/cpu/row_kernels.h"
#include "common/model/data_type.h"

namespace chimera::cpu_internal {

// S has the float lanes (simd_portable.h); QuantizedTile<type> is the tile kernel of a quantised
// weight.
template <typename S, template <DataType> typename QuantizedTile>
constexpr CpuKernels MakeKernelTable() {
  return {
      .quantize_row = RowKernels<S>::QuantizeRow,
      .rms_norm = RowKernels<S>::RmsNorm,
      .silu_mul = RowKernels<S>::SiluMul,
      .rope = RowKernels<S>::Rope,
      .add_to = RowKernels<S>::AddTo,
      .to_half = RowKernels<S>::ToHalf,
      .attention = AttentionKernel<S>::Run,
      .linear_f32 = RunTiles<FloatTileKernel<S, F32Weights<S>>>,
      .linear_f16 = RunTiles<FloatTileKernel<S, F16Weights<S>>>,
      .linear_bf16 = RunTiles<FloatTileKernel<S, Bf16Weights<S>>>,
      .linear_q8_0 = RunTiles<QuantizedTile<DataType::kQ8_0>>,
      .linear_q4_0 = RunTiles<QuantizedTile<DataType::kQ4_0>>,
      .linear_q4_1 = RunTiles<QuantizedTile<DataType::kQ4_1>>,
  };
}

}  // namespace chimera::cpu_internal

#endif  // CHIMERA_COMMON_CPU_KERNEL_TABLE_H_
