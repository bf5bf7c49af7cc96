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
static_assert(kStageBytes >= WeightUploader::kMaxColumns * kFragmentSize * sizeof(uint16_t));

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

absl::Status WeightUploader::UploadLinear(std::span<const TensorView> weights, WeightOrder order,
                                          DeviceLinear* linear, const RowTransform& transform) {
  const int64_t columns = weights.front().columns;
  int64_t rows = 0;
  for (const TensorView& weight : weights) {
    CHIMERA_CHECK(weight.columns == columns && rows % kFragmentSize == 0);
    rows += weight.rows;
  }
  const int64_t padded_rows = (rows + kFragmentSize - 1) / kFragmentSize * kFragmentSize;
  linear->output_size = static_cast<int>(padded_rows);
  linear->input_size = static_cast<int>(columns);
  linear->order = order;
  CHIMERA_ASSIGN_OR_RETURN(linear->weights,
                           cuda::DeviceBuffer<uint16_t>::Allocate(padded_rows * columns));
  const auto fill = [&](size_t first, std::span<uint16_t> staged) {
    const int64_t first_row = static_cast<int64_t>(first) / columns;
    ForEachRow(columns, staged, [&](int64_t index, std::span<float> row) {
      DequantizeRow(weights, first_row + index, row);
      if (transform) transform(row);
      if (order == WeightOrder::kFragments) {
        PackFragmentRow(row, index, staged);
      } else {
        std::ranges::transform(row, staged.begin() + index * columns, FloatToBf16);
      }
    });
  };
  return Upload<uint16_t>(linear->weights.span(), columns * kFragmentSize, fill);
}

absl::Status WeightUploader::UploadRows(const TensorView& weight,
                                        cuda::DeviceBuffer<uint16_t>* rows,
                                        const RowTransform& transform) {
  const int64_t columns = weight.columns;
  CHIMERA_ASSIGN_OR_RETURN(*rows, cuda::DeviceBuffer<uint16_t>::Allocate(weight.rows * columns));
  const auto fill = [&](size_t first, std::span<uint16_t> staged) {
    const int64_t first_row = static_cast<int64_t>(first) / columns;
    ForEachRow(columns, staged, [&](int64_t index, std::span<float> row) {
      Dequantize(weight.type, weight.row(first_row + index), row);
      if (transform) transform(row);
      std::ranges::transform(row, staged.begin() + index * columns, FloatToBf16);
    });
  };
  return Upload<uint16_t>(rows->span(), columns, fill);
}

absl::Status WeightUploader::UploadFloats(std::span<const float> values,
                                          cuda::DeviceBuffer<float>* floats) {
  CHIMERA_ASSIGN_OR_RETURN(*floats, cuda::DeviceBuffer<float>::Allocate(values.size()));
  const auto fill = [&](size_t first, std::span<float> staged) {
    std::ranges::copy(values.subspan(first, staged.size()), staged.begin());
  };
  return Upload<float>(floats->span(), 1, fill);
}

void WeightUploader::ForEachRow(int64_t columns, std::span<const uint16_t> staged,
                                absl::FunctionRef<void(int64_t, std::span<float>)> convert) {
  // By whole tiles, of which threads share no cache line.
  const int64_t rows = static_cast<int64_t>(staged.size()) / columns;
  const int64_t tiles = (rows + kFragmentSize - 1) / kFragmentSize;
  threads_->ParallelFor(tiles, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(columns);
    const int64_t end_row = std::min(end * kFragmentSize, rows);
    for (int64_t i = begin * kFragmentSize; i < end_row; ++i) convert(i, row);
  });
}

WeightUploader::WeightUploader(ThreadPool* threads, Stage first, Stage second, cuda::Stream stream)
    : threads_(threads), stages_{std::move(first), std::move(second)}, stream_(std::move(stream)) {}

}  // namespace chimera
