#include "common/cuda/backend/pinned_linear_runner.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<PinnedLinearRunner>> PinnedLinearRunner::Create(
    std::span<const PinnedLayer> layers, cuda::Stream& stream) {
  CHIMERA_ASSIGN_OR_RETURN(cuda::BlasHandle handle, cuda::BlasHandle::Create());
  auto runner = absl::WrapUnique(new PinnedLinearRunner(std::move(handle)));
  CHIMERA_RETURN_IF_ERROR(runner->AddShapes(layers, stream));
  return runner;
}

absl::Status PinnedLinearRunner::AddShapes(std::span<const PinnedLayer> layers,
                                           cuda::Stream& stream) {
  std::map<Shape, int> row_counts;
  for (const auto& [layer, max_row_count] : layers) {
    int& most = row_counts[ShapeOf(*layer)];
    most = std::max(most, max_row_count);
  }
  size_t workspace_bytes = 0;
  for (const auto& [layer, max_row_count] : layers) {
    CHIMERA_CHECK(layer->order == WeightOrder::kRows);
    if (algorithms_.contains(ShapeOf(*layer))) continue;
    CHIMERA_ASSIGN_OR_RETURN(
        cuda::BlasLinear<float> algorithm,
        cuda::BlasLinear<float>::Create(handle_, {.mode = cuda::BlasMode::kPinned,
                                                  .input_size = layer->input_size,
                                                  .output_size = layer->output_size,
                                                  .max_row_count = row_counts[ShapeOf(*layer)]}));
    // What decides about bits is the shape, not the weights.
    CHIMERA_RETURN_IF_ERROR(algorithm.SelfTest(layer->weights.span(), stream));
    workspace_bytes = std::max(workspace_bytes, algorithm.workspace_bytes());
    algorithms_.emplace(ShapeOf(*layer), std::move(algorithm));
  }
  CHIMERA_ASSIGN_OR_RETURN(workspace_, cuda::DeviceBuffer<std::byte>::Allocate(workspace_bytes));
  return absl::OkStatus();
}

std::string PinnedLinearRunner::description() const {
  std::string text = handle_.description();
  for (const auto& [shape, algorithm] : algorithms_) {
    absl::StrAppend(&text, ", ", algorithm.description());
  }
  return text;
}

int PinnedLinearRunner::PaddedRows(int row_count) const {
  return cuda::RoundUpToPinnedRows(row_count);
}

int64_t PinnedLinearRunner::OutputElements(const DeviceLinear& linear, int max_row_count) const {
  return int64_t{PaddedRows(max_row_count)} * linear.output_size;
}

absl::Status PinnedLinearRunner::Run(const DeviceLinear& linear, const LinearOperands& operands,
                                     cuda::Stream& stream, LaunchOrder) {
  const auto algorithm = algorithms_.find(ShapeOf(linear));
  CHIMERA_CHECK(algorithm != algorithms_.end()) << "a layer that is not of the model";
  return algorithm->second.Run({.row_count = operands.row_count,
                                .input = operands.input,
                                .weight = linear.weights.span(),
                                .output = operands.output,
                                .workspace = workspace_.span()},
                               stream);
}

}  // namespace chimera
