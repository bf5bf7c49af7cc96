// Linear layers by the device's library, with algorithms that do not depend on the number of rows.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_PINNED_LINEAR_RUNNER_H_
#define CHIMERA_COMMON_CUDA_BACKEND_PINNED_LINEAR_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/cuda/backend/linear_runner.h"
#include "common/cuda/blas/blas_handle.h"
#include "common/cuda/blas/linear.h"
#include "common/cuda/runtime/device_memory.h"

namespace chimera {

// A layer, and the most rows that are computed of it at a time.
struct PinnedLayer {
  const DeviceLinear* linear;
  int max_row_count;
};

// One algorithm for each shape, whose layers share it. Few rows are computed as cuda::kPinnedRows.
class PinnedLinearRunner final : public LinearRunner {
 public:
  // For these layers, whose weights are on the calling thread's device. Tests on the device that
  // the batch does not change a row's bits, waiting for the stream, to which nothing else may be
  // given meanwhile. Errors: FAILED_PRECONDITION, naming the layer, if it does, or if the library
  // has no algorithm for all numbers of rows.
  static absl::StatusOr<std::unique_ptr<PinnedLinearRunner>> Create(
      std::span<const PinnedLayer> layers, cuda::Stream& stream);

  WeightOrder weight_order() const override { return WeightOrder::kRows; }
  std::string description() const override;
  int PaddedRows(int row_count) const override;
  int SplitCount(const DeviceLinear&, int) const override { return 1; }
  int64_t OutputElements(const DeviceLinear& linear, int max_row_count) const override;
  absl::Status Run(const DeviceLinear& linear, const LinearOperands& operands, cuda::Stream& stream,
                   LaunchOrder order) override;

 private:
  using Shape = std::pair<int, int>;  // output and input size

  static Shape ShapeOf(const DeviceLinear& linear) {
    return {linear.output_size, linear.input_size};
  }

  explicit PinnedLinearRunner(cuda::BlasHandle handle) : handle_(std::move(handle)) {}

  absl::Status AddShapes(std::span<const PinnedLayer> layers, cuda::Stream& stream);

  cuda::BlasHandle handle_;
  std::map<Shape, cuda::BlasLinear<float>> algorithms_;
  cuda::DeviceBuffer<std::byte> workspace_;  // of all, since they run one after the other
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_PINNED_LINEAR_RUNNER_H_
