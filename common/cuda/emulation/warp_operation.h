// What the 32 lanes of a warp compute together.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_WARP_OPERATION_H_
#define CHIMERA_COMMON_CUDA_EMULATION_WARP_OPERATION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/cuda/emulation/tensor_core_model.h"
#include "common/cuda/launch_shape.h"

namespace chimera::emulation {

// The layout of registers in comments: operand registers of a lane, in order -> result registers.
// Numbers that are not whole are held as their bits.
enum class WarpOperation {
  kSync,         // nothing -> nothing
  kShuffle,      // value, lane to read -> value
  kShuffleXor,   // value, mask of the lane to read -> value
  kShuffleDown,  // value, distance -> value; a lane without such a neighbour keeps its own
  kBallot,       // 0 or 1 -> bit i: lane i's
  kReduceMax,    // value -> the greatest of all lanes
  kMma,          // A: 4, B: 2, C: 4 -> D: 4; mma.sync.m16n8k16 of bf16 into fp32
  // ldmatrix: offset of one 16-byte row in shared memory -> one register for each 8x8 matrix.
  kLoadMatrixX2,
  kLoadMatrixX4,
  kLoadMatrixX2Transposed,
  kLoadMatrixX4Transposed,
};

// "shuffle" for kShuffle and so on.
const char* WarpOperationName(WarpOperation operation);

// The registers of a lane that take part: as many as the largest operation has.
using LaneRegisters = std::array<uint32_t, 10>;
using WarpRegisters = std::array<LaneRegisters, kWarpSize>;

// What operations depend on beside their operands.
struct WarpEnvironment {
  TensorCoreModel tensor_core = TensorCoreModel::kHopper;
  std::span<const std::byte> shared_memory;  // of the block
};

// Computes the results of all lanes. Fragments are laid out as the PTX ISA describes for mma.sync
// m16n8k16 and for ldmatrix. CHECKs that rows lie in shared memory, at multiples of 16 bytes.
void ComputeWarpOperation(WarpOperation operation, const WarpEnvironment& environment,
                          const WarpRegisters& operands, WarpRegisters* results);

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_WARP_OPERATION_H_
