// Loops that do nothing but read memory, or nothing but multiply 8-bit integers, in the
// instructions that the CPU kernels use: what those can be measured against.

#ifndef CHIMERA_TOOLS_CPU_BENCH_ISA_LOOPS_H_
#define CHIMERA_TOOLS_CPU_BENCH_ISA_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "common/cpu/cpu_isa_type.h"

namespace chimera {

// Bytes that IsaLoops::read takes from one stream before it turns to the next.
inline constexpr int64_t kReadStep = 256;

// Bytes of operands that IsaLoops::multiply is given; they stay in registers or the nearest cache.
inline constexpr int64_t kOperandBytes = 2048;

// The loops of one instruction set. None keeps state: any thread may call them.
struct IsaLoops {
  // Reads `size` bytes from `from`, once, as `stream_count` equal parts in turns; returns the XOR
  // of their 64-bit words. REQUIRES: `from` is aligned to 64, `size` is a multiple of stream_count
  // * kReadStep.
  uint64_t (*read)(const std::byte* from, int64_t size, int64_t stream_count) = nullptr;

  // Multiplies and accumulates macs_per_round pairs of 8-bit integers `round_count` times; the
  // result, without meaning, depends on all of them. `operands` has kOperandBytes, aligned to 64.
  uint32_t (*multiply)(const int8_t* operands, int64_t round_count) = nullptr;
  int64_t macs_per_round = 0;
};

// REQUIRES: the machine supports `isa`. The loops live as long as the program.
const IsaLoops& GetIsaLoops(CpuIsa isa);

namespace cpu_bench_internal {

// One per translation unit and instruction set.
extern const IsaLoops kPortableLoops;
extern const IsaLoops kAvx2Loops;
extern const IsaLoops kAvx512VnniLoops;

}  // namespace cpu_bench_internal
}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_ISA_LOOPS_H_
