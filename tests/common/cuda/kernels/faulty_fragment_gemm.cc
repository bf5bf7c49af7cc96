#include "tests/common/cuda/kernels/faulty_fragment_gemm.h"

#include <cstring>

#include "common/cuda/device/primitives.h"
#include "common/cuda/launch.h"

namespace chimera::testing {
namespace {

enum class Fault { kNone, kSplitByRowCount, kDescendingInOneTile, kSummedBackwards };

// One warp per 16 features and 8 rows.
struct Kernel {
  struct Arguments {
    FragmentGemmArguments gemm;
    Fault fault;
  };
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;

  static device::FragmentB LoadInput(const FragmentGemmArguments& gemm, int step) {
    const int row = device::BlockY() * 8 + device::LaneIndex() / 4;
    device::FragmentB b = {};
    if (row >= gemm.row_count) return b;
    const uint16_t* element = gemm.input + int64_t{row} * gemm.input_size + step * kFragmentSize +
                              device::LaneIndex() % 4 * 2;
    std::memcpy(&b.words.word[0], element, 4);
    std::memcpy(&b.words.word[1], element + 8, 4);
    return b;
  }

  static device::FragmentC SumOf(const FragmentGemmArguments& gemm, int begin, int end,
                                 bool is_descending) {
    device::FragmentC sum = {};
    for (int i = begin; i < end; ++i) {
      const int step = is_descending ? end - 1 - (i - begin) : i;
      const int64_t tile = int64_t{device::BlockX()} * (gemm.input_size / kFragmentSize) + step;
      const device::FragmentA a = {
          device::LoadStreaming(gemm.weights + (tile * kWarpSize + device::LaneIndex()) * 8)};
      device::MultiplyAccumulate(&sum, a, LoadInput(gemm, step));
    }
    return sum;
  }

  static void Store(const FragmentGemmArguments& gemm, int split, const device::FragmentC& sum) {
    const int lane = device::LaneIndex();
    for (int i = 0; i < 4; ++i) {
      const int row = device::BlockY() * 8 + lane % 4 * 2 + i % 2;
      const int feature = device::BlockX() * kFragmentSize + lane / 4 + i / 2 * 8;
      if (row >= gemm.row_count) continue;
      gemm.output[(int64_t{split} * gemm.row_count + row) * gemm.output_size + feature] =
          sum.value[i];
    }
  }

  static void Run(const Arguments& arguments) {
    const FragmentGemmArguments& gemm = arguments.gemm;
    const int splits = FragmentGemmSplits(gemm.output_size, gemm.input_size);
    const bool is_summed = gemm.row_count > kMaxFragmentPartialRows;
    const bool is_unsplit = arguments.fault == Fault::kSplitByRowCount && gemm.row_count > 16;
    const bool is_descending =
        arguments.fault == Fault::kDescendingInOneTile && gemm.row_count > 32 && !is_summed;
    device::FragmentC total = {};
    for (int i = 0; i < splits; ++i) {
      const bool is_backwards = arguments.fault == Fault::kSummedBackwards && is_summed;
      const int split = is_backwards ? splits - 1 - i : i;
      int begin = FragmentSplitBegin(split, splits, gemm.input_size);
      int end = FragmentSplitBegin(split + 1, splits, gemm.input_size);
      if (is_unsplit) {
        begin = 0;
        end = split == 0 ? gemm.input_size / kFragmentSize : 0;
      }
      const device::FragmentC sum = SumOf(gemm, begin, end, is_descending);
      for (int j = 0; j < 4; ++j) total.value[j] = device::Add(total.value[j], sum.value[j]);
      if (!is_summed) Store(gemm, split, sum);
    }
    if (is_summed) Store(gemm, 0, total);
  }
};

absl::Status LaunchWith(StreamView stream, const FragmentGemmArguments& arguments, Fault fault) {
  const GridIndex blocks = {arguments.output_size / kFragmentSize, (arguments.row_count + 7) / 8,
                            1};
  return Launch<Kernel>(stream, {blocks}, {arguments, fault});
}

}  // namespace

absl::Status LaunchFaultlessFragmentGemm(StreamView stream,
                                         const FragmentGemmArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kNone);
}

absl::Status LaunchFragmentGemmSplitByRowCount(StreamView stream,
                                               const FragmentGemmArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kSplitByRowCount);
}

absl::Status LaunchFragmentGemmDescendingInOneTile(StreamView stream,
                                                   const FragmentGemmArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kDescendingInOneTile);
}

absl::Status LaunchFragmentGemmSummedBackwards(StreamView stream,
                                               const FragmentGemmArguments& arguments) {
  return LaunchWith(stream, arguments, Fault::kSummedBackwards);
}

}  // namespace chimera::testing
