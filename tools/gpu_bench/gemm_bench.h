// Linear layers by Chimera's kernel and by cuBLASLt.

#ifndef CHIMERA_TOOLS_GPU_BENCH_GEMM_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_GEMM_BENCH_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/cuda/blas/blas_handle.h"
#include "common/cuda/runtime/device.h"
#include "tools/gpu_bench/device_timer.h"
#include "tools/gpu_bench/model_shapes.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// One layer of one number of rows, in seconds.
struct GemmTimes {
  int rows = 0;
  TimeSpread own;   // FragmentGemm, which leaves fp32 partial sums
  TimeSpread blas;  // cuBLASLt's fastest by its own choice, which leaves bf16
};

struct GemmShapeTimes {
  LinearShape shape;
  std::vector<GemmTimes> times;  // by rows
  std::string skipped = {};      // why there are none
};

// What all measurements of kernels need.
struct KernelBench {
  cuda::DeviceInfo device;
  int repetitions = 1;
  int launches = 1;  // timed together, at most
  DeviceTimer* timer = nullptr;
};

// The two take turns, with weights that the second-level cache does not hold. Errors:
// common/cuda/runtime/device_error.h, but a layer that does not fit is skipped.
absl::StatusOr<GemmShapeTimes> MeasureGemm(const LinearShape& shape, std::span<const int> rows,
                                           const KernelBench& bench, cuda::BlasHandle* blas);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_GEMM_BENCH_H_
