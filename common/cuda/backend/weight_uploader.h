// Takes weights from files to a device.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_WEIGHT_UPLOADER_H_
#define CHIMERA_COMMON_CUDA_BACKEND_WEIGHT_UPLOADER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/thread_pool.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "common/model/tensor_view.h"

namespace chimera {

// How the elements of a matrix follow each other.
enum class WeightOrder {
  kRows,       // row after row
  kFragments,  // common/cuda/kernels/fragment_weights.h
};

// The weights of a linear layer on a device.
struct DeviceLinear {
  int output_size = 0;  // a multiple of 16
  int input_size = 0;
  WeightOrder order = WeightOrder::kFragments;
  cuda::DeviceBuffer<uint16_t> weights = {};  // [output_size, input_size] bf16
};

// Converts on all threads of a pool, in pieces: while one is on its way to the device the next is
// converted, so the host never holds a whole weight. Where an upload goes must outlive the
// uploader, whose destruction waits for it, and an error leaves it undetermined. One thread at a
// time. Errors: device_error.h.
class WeightUploader {
 public:
  // Columns of a matrix.
  static constexpr int64_t kMaxColumns = int64_t{1} << 18;

  // What is done to a row as fp32 before it is rounded; on any thread. Empty: nothing.
  using RowTransform = std::function<void(std::span<float> row)>;

  // On the calling thread's device; the pool must outlive it.
  static absl::StatusOr<WeightUploader> Create(ThreadPool* threads);

  // Weights with the same columns, one below the other, rounded to bf16. Rows that are missing to a
  // multiple of 16 are zeros. REQUIRES: the columns are a multiple of 16, at most kMaxColumns; the
  // rows of all but the last are a multiple of 16.
  absl::Status UploadLinear(std::span<const TensorView> weights, WeightOrder order,
                            DeviceLinear* linear, const RowTransform& transform = {});

  // [rows, columns] in this order, rounded to bf16.
  absl::Status UploadRows(const TensorView& weight, cuda::DeviceBuffer<uint16_t>* rows,
                          const RowTransform& transform = {});

  absl::Status UploadFloats(std::span<const float> values, cuda::DeviceBuffer<float>* floats);

  // Waits until all is on the device.
  absl::Status Finish() { return stream_.Synchronize(); }

 private:
  // Writes elements [first, first + staged.size()).
  template <typename T>
  using Fill = absl::FunctionRef<void(size_t first, std::span<T> staged)>;

  struct Stage {
    cuda::PinnedBuffer<std::byte> memory;
    cuda::Event is_free;  // the last copy from it is done
  };

  static absl::StatusOr<Stage> MakeStage();

  WeightUploader(ThreadPool* threads, Stage first, Stage second, cuda::Stream stream);

  // Fills `destination` by pieces of at most the staging memory, each a multiple of `unit` elements
  // but for the last.
  template <typename T>
  absl::Status Upload(cuda::DeviceSpan<T> destination, size_t unit, Fill<T> fill);

  // Calls convert(index, scratch) for every row of `columns` elements that `staged` has room for,
  // on all threads.
  void ForEachRow(int64_t columns, std::span<const uint16_t> staged,
                  absl::FunctionRef<void(int64_t index, std::span<float> scratch)> convert);

  ThreadPool* threads_;
  std::array<Stage, 2> stages_;
  size_t next_stage_ = 0;
  cuda::Stream stream_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_WEIGHT_UPLOADER_H_
