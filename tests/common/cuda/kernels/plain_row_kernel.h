// What plainer kernels that compute row by row have in common: tests run them in place of those
// that are tested, with faults that must be caught.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_PLAIN_ROW_KERNEL_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_PLAIN_ROW_KERNEL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/launch.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// The base of such kernels (common/cuda/launch.h), which take an element at a time: one warp for
// each row.
struct PlainRowKernel {
  static constexpr int kThreads = kWarpSize;
  static constexpr int kBlocksPerMultiprocessor = 1;

  // Where a fault is that the number of rows decides about, it is in so many rows or more.
  static constexpr int kManyRows = 64;

  static int Row() { return device::BlockX(); }

  // The sum of an element's splits, of which the first has it at `partials` and the next ones
  // `split_size` elements further on: in this order or, backwards, from the last.
  static float SumSplits(const float* partials, int split_count, int64_t split_size,
                         bool is_backwards) {
    float sum = 0;
    for (int i = 0; i < split_count; ++i) {
      const int split = is_backwards ? split_count - 1 - i : i;
      sum = device::Add(sum, partials[split * split_size]);
    }
    return sum;
  }
};

// In the form of the kernels' own launch functions.
template <typename Kernel>
absl::Status LaunchPlain(StreamView stream, const typename Kernel::Arguments& arguments,
                         LaunchOrder order) {
  return Launch<Kernel>(stream, {{arguments.row_count, 1, 1}, 0, order}, arguments);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_PLAIN_ROW_KERNEL_H_
