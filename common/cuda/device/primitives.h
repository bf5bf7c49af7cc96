// All that kernels take from the device, each with one form in PTX and one that runs in the
// emulator. Kernels contain neither #if nor PTX; they are written with these functions and plain
// C++, and so the same sources run on the GPU and, in tests, on the processor.
//
// Blocks have one axis of threads, whole warps of them. "The warp's lanes together" means that all
// 32 lanes must call the function, at the same place of the program.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_H_
#define CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_H_

#include <cstddef>
#include <cstdint>

#include "common/cuda/launch_shape.h"

// CMake 3.25 cannot ask nvcc for C++20; cmake/ChimeraCuda.cmake passes the option itself.
static_assert(__cplusplus >= 202002L, "kernels are C++20");

#if defined(__CUDACC__)
#define CHIMERA_DEVICE __device__ __forceinline__
#define CHIMERA_UNROLL _Pragma("unroll")
#define CHIMERA_PRIMITIVES_IMPLEMENTATION "common/cuda/device/primitives_ptx.h"
#else
#define CHIMERA_DEVICE inline
#define CHIMERA_UNROLL
#define CHIMERA_PRIMITIVES_IMPLEMENTATION "common/cuda/device/primitives_emulated.h"
#endif

namespace chimera::device {

// Registers that move together, in the order of their addresses.
struct alignas(8) Words2 {
  uint32_t word[2];
};
struct alignas(16) Words4 {
  uint32_t word[4];
};

// --- Place of the calling thread ------------------------------------------------------------

CHIMERA_DEVICE int ThreadIndex();  // in its block
CHIMERA_DEVICE int LaneIndex();    // in its warp
CHIMERA_DEVICE int WarpIndex();    // in its block
CHIMERA_DEVICE int BlockX();       // of its block in the grid
CHIMERA_DEVICE int BlockY();
CHIMERA_DEVICE int BlockZ();
CHIMERA_DEVICE int GridX();  // blocks along an axis
CHIMERA_DEVICE int GridY();
CHIMERA_DEVICE int GridZ();

// --- Waiting for other threads ---------------------------------------------------------------

// Waits for all threads of the block; what they wrote before is visible after.
CHIMERA_DEVICE void SyncThreads();

// The same for the warp's lanes together.
CHIMERA_DEVICE void SyncWarp();

// The same for the `thread_count` threads, whole warps, that name this barrier. SyncThreads is
// barrier 0. REQUIRES: 1 <= barrier <= 15.
CHIMERA_DEVICE void SyncNamed(int barrier, int thread_count);

// Returns once the launches before this one in the stream have ended and what they wrote is
// visible. At once unless the launch overlaps them (LaunchOrder).
CHIMERA_DEVICE void WaitForPriorLaunch();

// Lets the next launch of the stream begin, if it overlaps this one and once all blocks have said
// so or ended. What is written after is as safe from it as what was written before.
CHIMERA_DEVICE void AllowNextLaunch();

// --- Exchange between lanes ------------------------------------------------------------------

// The value of lane LaneIndex() ^ mask; the warp's lanes together. Value: 4 bytes, a number.
template <typename Value>
CHIMERA_DEVICE Value ShuffleXor(Value value, int mask);

// The value of lane `lane`; likewise.
template <typename Value>
CHIMERA_DEVICE Value Shuffle(Value value, int lane);

// The value of lane LaneIndex() + distance, or the own one where there is none; likewise.
template <typename Value>
CHIMERA_DEVICE Value ShuffleDown(Value value, int distance);

// Bit i says whether lane i is for it; the warp's lanes together.
CHIMERA_DEVICE uint32_t Ballot(bool vote);

// The greatest of the lanes' values; the warp's lanes together.
CHIMERA_DEVICE uint32_t ReduceMax(uint32_t value);

// --- Memory ----------------------------------------------------------------------------------

// The block's shared memory as a Layout, which is a plain struct without initialisers; aligned to
// 128 bytes, and not initialised. The launch must provide sizeof(Layout) bytes.
template <typename Layout>
CHIMERA_DEVICE Layout& SharedMemory();

// The same as elements, of which the launch must provide `count`.
template <typename Element>
CHIMERA_DEVICE Element* SharedArray(size_t count);

// Read and write 16 or 8 bytes at once, at a multiple of as many, in any memory.
CHIMERA_DEVICE Words4 LoadWords4(const void* address);
CHIMERA_DEVICE Words2 LoadWords2(const void* address);
CHIMERA_DEVICE void StoreWords4(void* address, Words4 words);
CHIMERA_DEVICE void StoreWords2(void* address, Words2 words);

// Reads 16 bytes of global memory that nobody writes while the kernel runs and that are read once:
// they are not kept in the first-level cache. For weights.
CHIMERA_DEVICE Words4 LoadStreaming(const void* address);

// Begins to copy 16 bytes from global to shared memory, both at multiples of 16. They are there for
// the calling thread after it has waited for their group, and for others after a barrier as well.
CHIMERA_DEVICE void CopyAsync(void* shared, const void* global);

// The same, or zeros in place of the 16 bytes unless `is_valid`; then `global` is not read.
CHIMERA_DEVICE void CopyAsyncOrZero(void* shared, const void* global, bool is_valid);

// Makes a group of the copies that the thread began since the last one.
CHIMERA_DEVICE void CommitAsyncCopies();

// Waits until no more than the last kPending groups of the thread are on their way.
template <int kPending>
CHIMERA_DEVICE void WaitForAsyncCopies();

// --- Memory that several threads write ---------------------------------------------------------

// Change a number in shared or global memory in one step, and return what it was. They order no
// other access to memory. Those of 64 bits are for global memory: in shared memory, they are loops.
CHIMERA_DEVICE uint32_t AtomicAdd(uint32_t* address, uint32_t addend);
CHIMERA_DEVICE uint64_t AtomicAdd(uint64_t* address, uint64_t addend);
CHIMERA_DEVICE uint64_t AtomicMax(uint64_t* address, uint64_t value);

// Whoever on the device sees what the thread writes after, sees what it has written or seen before.
CHIMERA_DEVICE void FenceDevice();

// --- Tensor cores ----------------------------------------------------------------------------

// Fragments of mma.sync.m16n8k16 (PTX ISA). With g = LaneIndex() / 4 and c = 2 (LaneIndex() % 4), a
// lane holds the elements named here; bf16 in pairs, the lower column (A) or row (B) in the lower
// half of the word.
struct FragmentA {  // [16, 16] bf16: (g, c), (g + 8, c), (g, c + 8), (g + 8, c + 8)
  Words4 words;
};
struct FragmentB {  // [16, 8] bf16: (c, g), (c + 8, g)
  Words2 words;
};
struct FragmentC {  // [16, 8] fp32: (g, c), (g, c + 1), (g + 8, c), (g + 8, c + 1)
  float value[4];
};

// c += a b; the warp's lanes together. The arithmetic is the device's (TensorCoreModel).
CHIMERA_DEVICE void MultiplyAccumulate(FragmentC* c, const FragmentA& a, const FragmentB& b);

// ldmatrix: loads 8x8 matrices of bf16 from shared memory, whose rows of 16 bytes lanes 8 m to
// 8 m + 7 name for matrix m; the warp's lanes together. Word m: elements (g, c) and (g, c + 1) of
// matrix m, or of its transpose. For two matrices, lanes 16 to 31 must name some row, too.
CHIMERA_DEVICE Words4 LoadMatrices4(const void* shared_row);
CHIMERA_DEVICE Words2 LoadMatrices2(const void* shared_row);
CHIMERA_DEVICE Words4 LoadMatrices4Transposed(const void* shared_row);
CHIMERA_DEVICE Words2 LoadMatrices2Transposed(const void* shared_row);

// --- Arithmetic ------------------------------------------------------------------------------
// fp32, each operation rounded to nearest even, subnormal numbers included. Never fused by the
// compiler with another, so that all instances of a template give the same bits.

CHIMERA_DEVICE float Add(float a, float b);
CHIMERA_DEVICE float Sub(float a, float b);
CHIMERA_DEVICE float Mul(float a, float b);
CHIMERA_DEVICE float Div(float a, float b);
CHIMERA_DEVICE float Fma(float a, float b, float c);  // a b + c, rounded once
CHIMERA_DEVICE float Sqrt(float x);
CHIMERA_DEVICE float Max(float a, float b);  // a unless a < b

// LaneMath, which both forms define, is the policy of one lane for the functions of
// common/base/vector_math.h. They have the same bits on device and host.

// 2^x and the natural logarithm: VectorExp2 and VectorLog.
CHIMERA_DEVICE float Exp2(float x);
CHIMERA_DEVICE float Log(float x);

// bf16 bits to fp32, exact; and back, to nearest even. NaN becomes 0x7fff.
CHIMERA_DEVICE float Bf16ToFloat(uint16_t bits);
CHIMERA_DEVICE uint16_t FloatToBf16(float value);

// Two numbers as bf16, the first in the lower half; and each half back.
CHIMERA_DEVICE uint32_t PackBf16(float low, float high);
CHIMERA_DEVICE float LowBf16(uint32_t pair);
CHIMERA_DEVICE float HighBf16(uint32_t pair);

// The bits of a float, and the float of bits.
CHIMERA_DEVICE uint32_t FloatBits(float value);
CHIMERA_DEVICE float BitsToFloat(uint32_t bits);

}  // namespace chimera::device

#include CHIMERA_PRIMITIVES_IMPLEMENTATION

#endif  // CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_H_
