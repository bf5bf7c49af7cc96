#include "tools/gpu_bench/gemm_bench.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/blas/linear.h"
#include "common/cuda/kernels/fragment_gemm.h"
#include "common/cuda/runtime/device_memory.h"
#include "tools/gpu_bench/device_operands.h"

namespace chimera {
namespace {

using BlasLinear = cuda::BlasLinear<uint16_t>;

// Operands of both, for any of the numbers of rows. Weights are random, so their order means
// nothing.
class GemmBench {
 public:
  GemmBench(const LinearShape& shape, const KernelBench& bench)
      : shape_(shape),
        bench_(bench),
        cold_(PlanColdLaunches(shape.weight_bytes(), bench.device, bench.launches)) {}

  absl::Status Allocate(std::span<const int> rows, cuda::BlasHandle* blas) {
    const int64_t most_rows = std::ranges::max(rows);
    int64_t output_elements = 0;
    for (const int count : rows) {
      output_elements =
          std::max(output_elements,
                   FragmentGemmOutputElements(count, shape_.output_size, shape_.input_size));
    }
    cuda::Stream& stream = bench_.timer->stream();
    for (int i = 0; i < cold_.operands; ++i) {
      CHIMERA_ASSIGN_OR_RETURN(
          auto weights, RandomDeviceBf16(int64_t{shape_.output_size} * shape_.input_size, stream));
      weights_.push_back(std::move(weights));
    }
    CHIMERA_ASSIGN_OR_RETURN(input_, RandomDeviceBf16(most_rows * shape_.input_size, stream));
    CHIMERA_ASSIGN_OR_RETURN(output_, cuda::DeviceBuffer<float>::Allocate(output_elements));
    CHIMERA_ASSIGN_OR_RETURN(
        blas_output_, cuda::DeviceBuffer<uint16_t>::Allocate(most_rows * shape_.output_size));
    CHIMERA_ASSIGN_OR_RETURN(
        BlasLinear linear,
        BlasLinear::Create(*blas, {.mode = cuda::BlasMode::kFastest,
                                   .input_size = shape_.input_size,
                                   .output_size = shape_.output_size,
                                   .max_row_count = static_cast<int>(most_rows)}));
    linear_.emplace(std::move(linear));
    CHIMERA_ASSIGN_OR_RETURN(workspace_,
                             cuda::DeviceBuffer<std::byte>::Allocate(linear_->workspace_bytes()));
    return absl::OkStatus();
  }

  absl::StatusOr<GemmTimes> Measure(int rows) {
    CHIMERA_RETURN_IF_ERROR(linear_->Prepare(rows));
    CHIMERA_ASSIGN_OR_RETURN(
        const cuda::Graph own,
        bench_.timer->Capture([&](cuda::Stream& stream) { return LaunchOwn(rows, stream); }));
    CHIMERA_ASSIGN_OR_RETURN(
        const cuda::Graph blas,
        bench_.timer->Capture([&](cuda::Stream& stream) { return LaunchBlas(rows, stream); }));
    const cuda::Graph* const graphs[] = {&own, &blas};
    CHIMERA_ASSIGN_OR_RETURN(const std::vector<TimeSpread> times,
                             bench_.timer->Measure(graphs, bench_.repetitions));
    return GemmTimes{rows, times[0].DividedBy(cold_.launches), times[1].DividedBy(cold_.launches)};
  }

 private:
  cuda::DeviceSpan<const uint16_t> Weights(int launch) const {
    return weights_[launch % cold_.operands].span();
  }

  absl::Status LaunchOwn(int rows, cuda::Stream& stream) {
    for (int i = 0; i < cold_.launches; ++i) {
      CHIMERA_RETURN_IF_ERROR(LaunchFragmentGemm(stream,
                                                 {.row_count = rows,
                                                  .output_size = shape_.output_size,
                                                  .input_size = shape_.input_size,
                                                  .input = input_.span().device_pointer(),
                                                  .weights = Weights(i).device_pointer(),
                                                  .output = output_.span().device_pointer()},
                                                 BestLaunchOrder(bench_.device)));
    }
    return absl::OkStatus();
  }

  absl::Status LaunchBlas(int rows, cuda::Stream& stream) {
    for (int i = 0; i < cold_.launches; ++i) {
      CHIMERA_RETURN_IF_ERROR(linear_->Run({.row_count = rows,
                                            .input = input_.span(),
                                            .weight = Weights(i),
                                            .output = blas_output_.span(),
                                            .workspace = workspace_.span()},
                                           stream));
    }
    return absl::OkStatus();
  }

  const LinearShape& shape_;
  const KernelBench& bench_;
  const ColdLaunches cold_;
  std::vector<cuda::DeviceBuffer<uint16_t>> weights_;
  cuda::DeviceBuffer<uint16_t> input_;
  cuda::DeviceBuffer<float> output_;
  cuda::DeviceBuffer<uint16_t> blas_output_;
  cuda::DeviceBuffer<std::byte> workspace_;
  std::optional<BlasLinear> linear_;  // set by Allocate
};

}  // namespace

absl::StatusOr<GemmShapeTimes> MeasureGemm(const LinearShape& shape, std::span<const int> rows,
                                           const KernelBench& bench, cuda::BlasHandle* blas) {
  GemmShapeTimes result = {shape, {}};
  GemmBench gemm(shape, bench);
  const absl::Status allocated = gemm.Allocate(rows, blas);
  if (absl::IsResourceExhausted(allocated)) {
    result.skipped = std::string(allocated.message());
    return result;
  }
  CHIMERA_RETURN_IF_ERROR(allocated);
  for (const int count : rows) {
    CHIMERA_ASSIGN_OR_RETURN(const GemmTimes times, gemm.Measure(count));
    result.times.push_back(times);
  }
  return result;
}

}  // namespace chimera
