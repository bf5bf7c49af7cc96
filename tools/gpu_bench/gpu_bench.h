// All measurements of the benchmark.

#ifndef CHIMERA_TOOLS_GPU_BENCH_GPU_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_GPU_BENCH_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/cuda/runtime/device.h"
#include "tools/gpu_bench/attention_bench.h"
#include "tools/gpu_bench/bandwidth_bench.h"
#include "tools/gpu_bench/config.h"
#include "tools/gpu_bench/decode_bench.h"
#include "tools/gpu_bench/draft_bench.h"
#include "tools/gpu_bench/gemm_bench.h"
#include "tools/gpu_bench/launch_bench.h"
#include "tools/gpu_bench/step_bench.h"

namespace chimera {

// What was measured of one model; what was not asked for is empty.
struct ModelTimes {
  ModelShape shape;
  std::vector<GemmShapeTimes> gemm = {};
  std::vector<AttentionTime> attention = {};
  std::string numerics_id = {};  // of steps and decoding
  std::optional<StepTimes> steps = {};
  std::optional<DecodeTimes> decoding = {};
  std::string skipped = {};  // why there are neither steps nor decoding
  std::optional<DraftTimes> drafting = {};
};

struct GpuBenchResult {
  cuda::DeviceInfo device;
  std::string blas;  // the library and its version
  int repetitions = 0;
  TransferTime read;
  std::optional<CopyTimes> copies;
  std::optional<LaunchTimes> launches;
  std::vector<ModelTimes> models;
};

// Whether decoding with trees gave the tokens of plain decoding wherever it was measured.
bool IsLossless(const GpuBenchResult& result);

// Takes the device into use and measures what config.sections asks for: kernels of all models, then
// drafters and whole models, one at a time. Calls `on_progress` after each part, with what the next
// is, so that nothing is lost that was measured before a failure. Models that do not fit, or whose
// numerics cannot be kept, are skipped. Errors: common/cuda/runtime/device_error.h.
absl::Status RunGpuBench(const GpuBenchConfig& config, const Clock& clock,
                         absl::FunctionRef<void(const std::string& next)> on_progress,
                         GpuBenchResult* result);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_GPU_BENCH_H_
