// The primitives on the device. Included by primitives.h only, which describes them.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_PTX_H_
#define CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_PTX_H_

#include <nv/target>

#include "common/base/vector_math.h"
#include "common/cuda/device/primitives.h"

namespace chimera::device {

// What only the device's own fma differs in; the rest is constexpr, which --expt-relaxed-constexpr
// lets device code call. a*b and a+b are never fused: nvcc is given --fmad=false.
struct LaneMath : ScalarMath {
  static __host__ __device__ __forceinline__ float Fma(float a, float b, float c) {
    return fmaf(a, b, c);
  }
};

namespace internal {

inline constexpr unsigned kAllLanes = 0xffffffffu;

CHIMERA_DEVICE uint32_t SharedAddress(const void* address) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(address));
}

CHIMERA_DEVICE unsigned char* SharedBytes() {
  extern __shared__ __align__(128) unsigned char chimera_shared_bytes[];
  return chimera_shared_bytes;
}

}  // namespace internal

CHIMERA_DEVICE int ThreadIndex() { return static_cast<int>(threadIdx.x); }
// By unsigned arithmetic, so that the compiler knows that they are not negative.
CHIMERA_DEVICE int LaneIndex() { return static_cast<int>(threadIdx.x % unsigned{kWarpSize}); }
CHIMERA_DEVICE int WarpIndex() { return static_cast<int>(threadIdx.x / unsigned{kWarpSize}); }
CHIMERA_DEVICE int BlockX() { return static_cast<int>(blockIdx.x); }
CHIMERA_DEVICE int BlockY() { return static_cast<int>(blockIdx.y); }
CHIMERA_DEVICE int BlockZ() { return static_cast<int>(blockIdx.z); }
CHIMERA_DEVICE int GridX() { return static_cast<int>(gridDim.x); }
CHIMERA_DEVICE int GridY() { return static_cast<int>(gridDim.y); }
CHIMERA_DEVICE int GridZ() { return static_cast<int>(gridDim.z); }

CHIMERA_DEVICE void SyncThreads() { __syncthreads(); }
CHIMERA_DEVICE void SyncWarp() { __syncwarp(); }
CHIMERA_DEVICE void SyncNamed(int barrier, int thread_count) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(thread_count) : "memory");
}

// Without programmatic dependent launch, before compute capability 9.0, there is nothing to do.
CHIMERA_DEVICE void WaitForPriorLaunch() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.wait;" ::: "memory");))
}
CHIMERA_DEVICE void AllowNextLaunch() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.launch_dependents;" ::: "memory");))
}

template <typename Value>
CHIMERA_DEVICE Value ShuffleXor(Value value, int mask) {
  static_assert(sizeof(Value) == 4);
  return __shfl_xor_sync(internal::kAllLanes, value, mask);
}
template <typename Value>
CHIMERA_DEVICE Value Shuffle(Value value, int lane) {
  static_assert(sizeof(Value) == 4);
  return __shfl_sync(internal::kAllLanes, value, lane);
}
template <typename Value>
CHIMERA_DEVICE Value ShuffleDown(Value value, int distance) {
  static_assert(sizeof(Value) == 4);
  return __shfl_down_sync(internal::kAllLanes, value, static_cast<unsigned>(distance));
}
CHIMERA_DEVICE uint32_t Ballot(bool vote) { return __ballot_sync(internal::kAllLanes, vote); }
CHIMERA_DEVICE uint32_t ReduceMax(uint32_t value) {
  return __reduce_max_sync(internal::kAllLanes, value);
}

template <typename Layout>
CHIMERA_DEVICE Layout& SharedMemory() {
  return *reinterpret_cast<Layout*>(internal::SharedBytes());
}
template <typename Element>
CHIMERA_DEVICE Element* SharedArray(size_t) {
  return reinterpret_cast<Element*>(internal::SharedBytes());
}

CHIMERA_DEVICE Words4 LoadWords4(const void* address) {
  return *static_cast<const Words4*>(address);
}
CHIMERA_DEVICE Words2 LoadWords2(const void* address) {
  return *static_cast<const Words2*>(address);
}
CHIMERA_DEVICE void StoreWords4(void* address, Words4 words) {
  *static_cast<Words4*>(address) = words;
}
CHIMERA_DEVICE void StoreWords2(void* address, Words2 words) {
  *static_cast<Words2*>(address) = words;
}

// Volatile, so that it stays behind WaitForPriorLaunch().
CHIMERA_DEVICE Words4 LoadStreaming(const void* address) {
  Words4 words;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(words.word[0]), "=r"(words.word[1]), "=r"(words.word[2]), "=r"(words.word[3])
               : "l"(__cvta_generic_to_global(address)));
  return words;
}

CHIMERA_DEVICE void CopyAsync(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(internal::SharedAddress(shared)),
               "l"(__cvta_generic_to_global(global))
               : "memory");
}
CHIMERA_DEVICE void CopyAsyncOrZero(void* shared, const void* global, bool is_valid) {
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(internal::SharedAddress(shared)),
      "l"(__cvta_generic_to_global(global)), "r"(is_valid ? 16 : 0)
      : "memory");
}
CHIMERA_DEVICE void CommitAsyncCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kPending>
CHIMERA_DEVICE void WaitForAsyncCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

CHIMERA_DEVICE uint32_t AtomicAdd(uint32_t* address, uint32_t addend) {
  return atomicAdd(address, addend);
}
// uint64_t is unsigned long, CUDA's functions take unsigned long long: the same 64 bits.
CHIMERA_DEVICE uint64_t AtomicAdd(uint64_t* address, uint64_t addend) {
  return atomicAdd(reinterpret_cast<unsigned long long*>(address), addend);
}
CHIMERA_DEVICE uint64_t AtomicMax(uint64_t* address, uint64_t value) {
  return atomicMax(reinterpret_cast<unsigned long long*>(address), value);
}
CHIMERA_DEVICE void FenceDevice() { __threadfence(); }

CHIMERA_DEVICE void MultiplyAccumulate(FragmentC* c, const FragmentA& a, const FragmentB& b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c->value[0]), "+f"(c->value[1]), "+f"(c->value[2]), "+f"(c->value[3])
      : "r"(a.words.word[0]), "r"(a.words.word[1]), "r"(a.words.word[2]), "r"(a.words.word[3]),
        "r"(b.words.word[0]), "r"(b.words.word[1]));
}

CHIMERA_DEVICE Words4 LoadMatrices4(const void* shared_row) {
  Words4 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words.word[0]), "=r"(words.word[1]), "=r"(words.word[2]), "=r"(words.word[3])
               : "r"(internal::SharedAddress(shared_row))
               : "memory");
  return words;
}
CHIMERA_DEVICE Words2 LoadMatrices2(const void* shared_row) {
  Words2 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(words.word[0]), "=r"(words.word[1])
               : "r"(internal::SharedAddress(shared_row))
               : "memory");
  return words;
}
CHIMERA_DEVICE Words4 LoadMatrices4Transposed(const void* shared_row) {
  Words4 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words.word[0]), "=r"(words.word[1]), "=r"(words.word[2]), "=r"(words.word[3])
               : "r"(internal::SharedAddress(shared_row))
               : "memory");
  return words;
}
CHIMERA_DEVICE Words2 LoadMatrices2Transposed(const void* shared_row) {
  Words2 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(words.word[0]), "=r"(words.word[1])
               : "r"(internal::SharedAddress(shared_row))
               : "memory");
  return words;
}

CHIMERA_DEVICE float Add(float a, float b) { return __fadd_rn(a, b); }
CHIMERA_DEVICE float Sub(float a, float b) { return __fsub_rn(a, b); }
CHIMERA_DEVICE float Mul(float a, float b) { return __fmul_rn(a, b); }
CHIMERA_DEVICE float Div(float a, float b) { return __fdiv_rn(a, b); }
CHIMERA_DEVICE float Fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
CHIMERA_DEVICE float Sqrt(float x) { return __fsqrt_rn(x); }
CHIMERA_DEVICE float Max(float a, float b) { return a < b ? b : a; }
CHIMERA_DEVICE float Exp2(float x) { return VectorExp2<LaneMath>(x); }
CHIMERA_DEVICE float Log(float x) { return VectorLog<LaneMath>(x); }

CHIMERA_DEVICE uint16_t FloatToBf16(float value) {
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
CHIMERA_DEVICE uint32_t PackBf16(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
CHIMERA_DEVICE uint32_t FloatBits(float value) { return __float_as_uint(value); }
CHIMERA_DEVICE float BitsToFloat(uint32_t bits) { return __uint_as_float(bits); }
CHIMERA_DEVICE float Bf16ToFloat(uint16_t bits) { return BitsToFloat(uint32_t{bits} << 16); }
CHIMERA_DEVICE float LowBf16(uint32_t pair) { return BitsToFloat(pair << 16); }
CHIMERA_DEVICE float HighBf16(uint32_t pair) { return BitsToFloat(pair & 0xffff0000u); }

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_PTX_H_
