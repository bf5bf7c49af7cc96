#include "common/cuda/backend/weight_uploader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/float16.h"
#include "common/base/status_macros.h"
#include "common/cuda/kernels/fragment_gemm_plan.h"
#include "common/cuda/kernels/fragment_weights.h"
#include "common/cuda/runtime/copy.h"

namespace chimera {
namespace {

constexpr size_t kStageBytes = size_t{8} << 20;

// Row `index` of weights that lie one below the other as fp32; zeros where there is none.
void DequantizeRow(std::span<const TensorView> weights, int64_t index, std::span<float> row) {
  for (const TensorView& weight : weights) {
    if (index < weight.rows) return Dequantize(weight.type, weight.row(index), row);
    index -= weight.rows;
  }
  std::ranges::fill(row, 0.0f);
}

}  // namespace

absl::StatusOr<WeightUploader::Stage> WeightUploader::MakeStage() {
  CHIMERA_ASSIGN_OR_RETURN(auto memory, cuda::PinnedBuffer<std::byte>::Allocate(kStageBytes));
  CHIMERA_ASSIGN_OR_RETURN(cuda::Event is_free, cuda::Event::Create());
  return Stage{std::move(memory), std::move(is_free)};
}

absl::StatusOr<WeightUploader> WeightUploader::Create(ThreadPool* threads) {
  CHIMERA_ASSIGN_OR_RETURN(Stage first, MakeStage());
  CHIMERA_ASSIGN_OR_RETURN(Stage second, MakeStage());
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::Create());
  return WeightUploader(threads, std::move(first), std::move(second), std::move(stream));
}

template <typename T>
absl::Status WeightUploader::Upload(cuda::DeviceSpan<T> destination, size_t unit, Fill<T> fill) {
  const size_t piece = kStageBytes / sizeof(T) / unit * unit;
  CHIMERA_CHECK(piece > 0) << unit << " elements in one piece";
  for (size_t first = 0; first < destination.size(); first += piece) {
    Stage& stage = stages_[next_stage_];
    next_stage_ = 1 - next_stage_;
    CHIMERA_RETURN_IF_ERROR(stage.is_free.Synchronize());
    const size_t count = std::min(piece, destination.size() - first);
    const std::span<T> staged(reinterpret_cast<T*>(stage.memory.span().data()), count);
    fill(first, staged);
    CHIMERA_RETURN_IF_ERROR(
        cuda::CopyToDevice<T>(destination.subspan(first, count), staged, stream_));
    CHIMERA_RETURN_IF_ERROR(stream_.RecordEvent(stage.is_free));
  }
  return absl::OkStatus();
}

absl::StatusOr<DeviceLinear> WeightUploader::UploadLinear(std::span<const TensorView> weights) {
  const int64_t columns = weights.front().columns;
  int64_t rows = 0;
  for (const TensorView& weight : weights) {
    CHIMERA_CHECK(weight.columns == columns && rows % kFragmentSize == 0);
    rows += weight.rows;
  }
  const int64_t padded_rows = (rows + kFragmentSize - 1) / kFragmentSize * kFragmentSize;
  const int64_t tile_elements = columns * kFragmentSize;
  DeviceLinear linear = {.output_size = static_cast<int>(padded_rows),
                         .input_size = static_cast<int>(columns)};
  CHIMERA_ASSIGN_OR_RETURN(linear.weights,
                           cuda::DeviceBuffer<uint16_t>::Allocate(padded_rows * columns));
  const auto fill = [&](size_t first, std::span<uint16_t> staged) {
    const int64_t first_row = static_cast<int64_t>(first) / columns;
    const int64_t tiles = static_cast<int64_t>(staged.size()) / tile_elements;
    threads_->ParallelFor(tiles, [&](int64_t begin, int64_t end, int) {
      std::vector<float> row(columns);
      for (int64_t i = begin * kFragmentSize; i < end * kFragmentSize; ++i) {
        DequantizeRow(weights, first_row + i, row);
        PackFragmentRow(row, i, staged);
      }
    });
  };
  CHIMERA_RETURN_IF_ERROR(Upload<uint16_t>(linear.weights.span(), tile_elements, fill));
  return linear;
}

absl::StatusOr<cuda::DeviceBuffer<uint16_t>> WeightUploader::UploadRows(const TensorView& weight) {
  const int64_t columns = weight.columns;
  CHIMERA_ASSIGN_OR_RETURN(auto rows,
                           cuda::DeviceBuffer<uint16_t>::Allocate(weight.rows * columns));
  const auto fill = [&](size_t first, std::span<uint16_t> staged) {
    const int64_t first_row = static_cast<int64_t>(first) / columns;
    const int64_t count = static_cast<int64_t>(staged.size()) / columns;
    threads_->ParallelFor(count, [&](int64_t begin, int64_t end, int) {
      std::vector<float> row(columns);
      for (int64_t i = begin; i < end; ++i) {
        Dequantize(weight.type, weight.row(first_row + i), row);
        std::ranges::transform(row, staged.begin() + i * columns, FloatToBf16);
      }
    });
  };
  CHIMERA_RETURN_IF_ERROR(Upload<uint16_t>(rows.span(), columns, fill));
  return rows;
}

absl::StatusOr<cuda::DeviceBuffer<float>> WeightUploader::UploadFloats(
    std::span<const float> values) {
  CHIMERA_ASSIGN_OR_RETURN(auto floats, cuda::DeviceBuffer<float>::Allocate(values.size()));
  const auto fill = [&](size_t first, std::span<float> staged) {
    std::ranges::copy(values.subspan(first, staged.size()), staged.begin());
  };
  CHIMERA_RETURN_IF_ERROR(Upload<float>(floats.span(), 1, fill));
  return floats;
}

WeightUploader::WeightUploader(ThreadPool* threads, Stage first, Stage second, cuda::Stream stream)
    : threads_(threads), stages_{std::move(first), std::move(second)}, stream_(std::move(stream)) {}

}  // namespace chimera
