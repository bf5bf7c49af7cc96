// One small kernel for each kind of primitive: the same calls on a GPU and in the emulator.

#ifndef CHIMERA_TESTS_COMMON_CUDA_DEVICE_PRIMITIVE_KERNELS_H_
#define CHIMERA_TESTS_COMMON_CUDA_DEVICE_PRIMITIVE_KERNELS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// d = c + a b by one mma.
struct MmaArguments {
  // How the fragments get to the lanes: by ldmatrix, or element by element as the PTX ISA says.
  enum class Loading { kMatrices, kElements };

  Loading loading = Loading::kMatrices;
  const uint16_t* a = nullptr;  // [16, 16] bf16
  const uint16_t* b = nullptr;  // [16, 8] bf16
  const float* c = nullptr;     // [16, 8]
  float* d = nullptr;           // [16, 8]
};
absl::Status LaunchMma(StreamView stream, const MmaArguments& arguments);

// What each lane gets from ldmatrix. Variants: x4, x2, x4 transposed, x2 transposed.
struct LoadMatricesArguments {
  const uint16_t* matrices = nullptr;  // [4, 8, 8]
  uint32_t* words = nullptr;           // [variant 4, lane 32, matrix 4]
};
absl::Status LaunchLoadMatrices(StreamView stream, const LoadMatricesArguments& arguments);

// By operation: xor 5, lane (7 * own + 3) % 32, down 3, ballot of the lowest bit, maximum.
struct ShuffleArguments {
  const uint32_t* values = nullptr;  // [32]
  uint32_t* results = nullptr;       // [operation 5, 32]
};
absl::Status LaunchShuffles(StreamView stream, const ShuffleArguments& arguments);

// Blocks change the same numbers, in shared and in global memory; the last reads what has become of
// them.
struct AtomicsArguments {
  static constexpr int kThreads = 64;
  static constexpr int kBlocks = 5;

  const uint64_t* values = nullptr;  // [kBlocks, kThreads]
  uint32_t* arrivals = nullptr;      // 0 at first
  uint64_t* results = nullptr;       // sum, maximum, sum of lower halves; 0 at first
  uint64_t* copies = nullptr;        // [3], of the results, by the last block
};
absl::Status LaunchAtomics(StreamView stream, const AtomicsArguments& arguments);

// Reverses vectors within a block by way of shared memory: words of 16 bytes over all threads, then
// words of 8 bytes within each half of the block.
struct ReverseArguments {
  static constexpr int kThreads = 128;

  const uint32_t* source = nullptr;  // [kThreads, 4]
  uint32_t* wide = nullptr;          // [kThreads, 4]
  uint32_t* narrow = nullptr;        // [kThreads, 2], of the first two of each four
};
absl::Status LaunchReverse(StreamView stream, const ReverseArguments& arguments);

// Sums rows that asynchronous copies bring to shared memory, three stages ahead; rows beyond
// row_count count as zeros.
struct AsyncSumArguments {
  static constexpr int kThreads = 64;

  int row_count = 0;
  int padded_row_count = 0;
  const float* rows = nullptr;  // [row_count, kThreads, 4]
  float* sums = nullptr;        // [kThreads, 4]
};
absl::Status LaunchAsyncSum(StreamView stream, const AsyncSumArguments& arguments);

// Arithmetic on fp32 numbers, as bits.
struct ArithmeticArguments {
  // The order of results. Sqrt and log are of a, exp2 of b; kFromBf16 widens a's upper half.
  enum Operation {
    kAdd,
    kSub,
    kMul,
    kDiv,
    kFma,
    kSqrt,
    kMax,
    kExp2,
    kLog,
    kToBf16,
    kFromBf16,
    kPack,
    kUnpack,
    kOperations
  };

  int count = 0;
  const float* a = nullptr;     // [count]
  const float* b = nullptr;     // [count]
  const float* c = nullptr;     // [count]
  uint32_t* results = nullptr;  // [kOperations, count]
};
absl::Status LaunchArithmetic(StreamView stream, const ArithmeticArguments& arguments);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_DEVICE_PRIMITIVE_KERNELS_H_
