// The primitives in the emulator. Included by primitives.h only, which describes them.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_EMULATED_H_
#define CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_EMULATED_H_

#include <bit>
#include <cmath>
#include <cstring>

#include "common/base/check.h"
#include "common/base/float16.h"
#include "common/base/vector_math.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/emulation/thread_block.h"

namespace chimera::device {
namespace internal {

using emulation::LaneRegisters;
using emulation::ThreadBlock;
using emulation::WarpOperation;

// Hardware traps on an access that is not aligned to its size.
template <typename Words>
void CheckAligned(const void* address) {
  CHIMERA_CHECK(reinterpret_cast<uintptr_t>(address) % sizeof(Words) == 0)
      << "thread " << ThreadBlock::Current().thread_index() << " accesses " << sizeof(Words)
      << " bytes at " << address;
}

template <typename Words>
Words Load(const void* address) {
  CheckAligned<Words>(address);
  Words words;
  std::memcpy(&words, address, sizeof(words));
  return words;
}

template <typename Words>
void Store(void* address, const Words& words) {
  CheckAligned<Words>(address);
  std::memcpy(address, &words, sizeof(words));
}

template <typename Value>
Value RunShuffle(WarpOperation operation, Value value, int parameter) {
  static_assert(sizeof(Value) == 4);
  const LaneRegisters operands = {std::bit_cast<uint32_t>(value), static_cast<uint32_t>(parameter)};
  return std::bit_cast<Value>(ThreadBlock::Current().RunInWarp(operation, operands)[0]);
}

inline LaneRegisters LoadMatrices(WarpOperation operation, const void* shared_row) {
  ThreadBlock& block = ThreadBlock::Current();
  return block.RunInWarp(operation, {block.SharedOffset(shared_row, sizeof(Words4))});
}

inline void BeginCopy(void* shared, const void* global) {
  static_assert(sizeof(Words4) == emulation::kAsyncCopyBytes);
  CheckAligned<Words4>(shared);
  CheckAligned<Words4>(global);
  ThreadBlock& block = ThreadBlock::Current();
  block.SharedOffset(shared, sizeof(Words4));  // checks that it is
  block.async_copies().Begin(static_cast<std::byte*>(shared),
                             static_cast<const std::byte*>(global));
}

}  // namespace internal

inline int ThreadIndex() { return internal::ThreadBlock::Current().thread_index(); }
inline int LaneIndex() { return ThreadIndex() % kWarpSize; }
inline int WarpIndex() { return ThreadIndex() / kWarpSize; }
inline int BlockX() { return internal::ThreadBlock::Current().block_index().x; }
inline int BlockY() { return internal::ThreadBlock::Current().block_index().y; }
inline int BlockZ() { return internal::ThreadBlock::Current().block_index().z; }
inline int GridX() { return internal::ThreadBlock::Current().grid_size().x; }
inline int GridY() { return internal::ThreadBlock::Current().grid_size().y; }
inline int GridZ() { return internal::ThreadBlock::Current().grid_size().z; }

inline void SyncThreads() { internal::ThreadBlock::Current().WaitAtBarrier(); }
inline void SyncWarp() {
  internal::ThreadBlock::Current().RunInWarp(internal::WarpOperation::kSync, {});
}
inline void SyncNamed(int barrier, int thread_count) {
  CHIMERA_CHECK(barrier != 0) << "barrier 0 is that of SyncThreads()";
  internal::ThreadBlock::Current().WaitAtBarrier(barrier, thread_count);
}
inline void WaitForPriorLaunch() { internal::ThreadBlock::Current().WaitForPriorLaunch(); }
inline void AllowNextLaunch() {}  // the next launch begins when this one has ended

template <typename Value>
inline Value ShuffleXor(Value value, int mask) {
  return internal::RunShuffle(internal::WarpOperation::kShuffleXor, value, mask);
}
template <typename Value>
inline Value Shuffle(Value value, int lane) {
  return internal::RunShuffle(internal::WarpOperation::kShuffle, value, lane);
}
template <typename Value>
inline Value ShuffleDown(Value value, int distance) {
  return internal::RunShuffle(internal::WarpOperation::kShuffleDown, value, distance);
}
inline uint32_t Ballot(bool vote) {
  return internal::RunShuffle(internal::WarpOperation::kBallot, uint32_t{vote}, 0);
}

inline uint32_t ReduceMax(uint32_t value) {
  return internal::RunShuffle(internal::WarpOperation::kReduceMax, value, 0);
}

template <typename Layout>
inline Layout& SharedMemory() {
  return *reinterpret_cast<Layout*>(internal::ThreadBlock::Current().SharedMemory(sizeof(Layout)));
}
template <typename Element>
inline Element* SharedArray(size_t count) {
  return reinterpret_cast<Element*>(
      internal::ThreadBlock::Current().SharedMemory(count * sizeof(Element)));
}

inline Words4 LoadWords4(const void* address) { return internal::Load<Words4>(address); }
inline Words2 LoadWords2(const void* address) { return internal::Load<Words2>(address); }
inline void StoreWords4(void* address, Words4 words) { internal::Store(address, words); }
inline void StoreWords2(void* address, Words2 words) { internal::Store(address, words); }
inline Words4 LoadStreaming(const void* address) { return internal::Load<Words4>(address); }

inline void CopyAsync(void* shared, const void* global) { internal::BeginCopy(shared, global); }
inline void CopyAsyncOrZero(void* shared, const void* global, bool is_valid) {
  internal::BeginCopy(shared, is_valid ? global : nullptr);
}
inline void CommitAsyncCopies() { internal::ThreadBlock::Current().async_copies().Commit(); }
template <int kPending>
inline void WaitForAsyncCopies() {
  static_assert(kPending >= 0);
  internal::ThreadBlock::Current().async_copies().WaitForGroups(kPending);
}

// Threads are fibers of one thread of the operating system, and run until they wait.
inline uint32_t AtomicAdd(uint32_t* address, uint32_t addend) {
  internal::CheckAligned<uint32_t>(address);
  const uint32_t old = *address;
  *address += addend;
  return old;
}
inline uint64_t AtomicAdd(uint64_t* address, uint64_t addend) {
  internal::CheckAligned<uint64_t>(address);
  const uint64_t old = *address;
  *address += addend;
  return old;
}
inline uint64_t AtomicMax(uint64_t* address, uint64_t value) {
  internal::CheckAligned<uint64_t>(address);
  const uint64_t old = *address;
  if (old < value) *address = value;
  return old;
}
inline void FenceDevice() {}

inline void MultiplyAccumulate(FragmentC* c, const FragmentA& a, const FragmentB& b) {
  internal::LaneRegisters operands;
  std::memcpy(operands.data(), a.words.word, sizeof(a));
  std::memcpy(operands.data() + 4, b.words.word, sizeof(b));
  std::memcpy(operands.data() + 6, c->value, sizeof(*c));
  const internal::LaneRegisters results =
      internal::ThreadBlock::Current().RunInWarp(internal::WarpOperation::kMma, operands);
  std::memcpy(c->value, results.data(), sizeof(*c));
}

inline Words4 LoadMatrices4(const void* shared_row) {
  const auto r = internal::LoadMatrices(internal::WarpOperation::kLoadMatrixX4, shared_row);
  return {{r[0], r[1], r[2], r[3]}};
}
inline Words2 LoadMatrices2(const void* shared_row) {
  const auto r = internal::LoadMatrices(internal::WarpOperation::kLoadMatrixX2, shared_row);
  return {{r[0], r[1]}};
}
inline Words4 LoadMatrices4Transposed(const void* shared_row) {
  const auto r =
      internal::LoadMatrices(internal::WarpOperation::kLoadMatrixX4Transposed, shared_row);
  return {{r[0], r[1], r[2], r[3]}};
}
inline Words2 LoadMatrices2Transposed(const void* shared_row) {
  const auto r =
      internal::LoadMatrices(internal::WarpOperation::kLoadMatrixX2Transposed, shared_row);
  return {{r[0], r[1]}};
}

using LaneMath = ScalarMath;

// Compiled with -ffp-contract=off, as all of Chimera is.
inline float Add(float a, float b) { return a + b; }
inline float Sub(float a, float b) { return a - b; }
inline float Mul(float a, float b) { return a * b; }
inline float Div(float a, float b) { return a / b; }
inline float Fma(float a, float b, float c) { return std::fma(a, b, c); }
inline float Sqrt(float x) { return std::sqrt(x); }
inline float Max(float a, float b) { return a < b ? b : a; }
inline float Exp2(float x) { return VectorExp2<ScalarMath>(x); }
inline float Log(float x) { return VectorLog<ScalarMath>(x); }

inline float Bf16ToFloat(uint16_t bits) { return chimera::Bf16ToFloat(bits); }
inline uint16_t FloatToBf16(float value) {
  return std::isnan(value) ? uint16_t{0x7fff} : chimera::FloatToBf16(value);
}
inline uint32_t PackBf16(float low, float high) {
  return uint32_t{FloatToBf16(high)} << 16 | FloatToBf16(low);
}
inline float LowBf16(uint32_t pair) { return Bf16ToFloat(static_cast<uint16_t>(pair)); }
inline float HighBf16(uint32_t pair) { return Bf16ToFloat(static_cast<uint16_t>(pair >> 16)); }
inline uint32_t FloatBits(float value) { return std::bit_cast<uint32_t>(value); }
inline float BitsToFloat(uint32_t bits) { return std::bit_cast<float>(bits); }

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_PRIMITIVES_EMULATED_H_
