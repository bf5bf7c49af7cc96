// Takes weights from files to a device.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_WEIGHT_UPLOADER_H_
#define CHIMERA_COMMON_CUDA_BACKEND_WEIGHT_UPLOADER_H_

#include <array>
#include <cstddef>
#include <cstdint>
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

// The weights of a linear layer on a device, in fragment order
// (common/cuda/kernels/fragment_weights.h).
struct DeviceLinear {
  int output_size = 0;  // a multiple of 16
  int input_size = 0;
  cuda::DeviceBuffer<uint16_t> weights = {};  // [output_size, input_size] bf16
};

// Converts on all threads of a pool, in pieces: while one is on its way to the device the next is
// converted, so the host never holds a whole weight. One thread at a time. Errors: device_error.h.
class WeightUploader {
 public:
  // On the calling thread's device; the pool must outlive it.
  static absl::StatusOr<WeightUploader> Create(ThreadPool* threads);

  // Weights with the same columns, one below the other, rounded to bf16. Rows that are missing to a
  // multiple of 16 are zeros. REQUIRES: the columns are a multiple of 16; so are the rows of all
  // but the last.
  absl::StatusOr<DeviceLinear> UploadLinear(std::span<const TensorView> weights);

  // [rows, columns] in this order, rounded to bf16.
  absl::StatusOr<cuda::DeviceBuffer<uint16_t>> UploadRows(const TensorView& weight);

  absl::StatusOr<cuda::DeviceBuffer<float>> UploadFloats(std::span<const float> values);

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

  ThreadPool* threads_;
  std::array<Stage, 2> stages_;
  size_t next_stage_ = 0;
  cuda::Stream stream_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_WEIGHT_UPLOADER_H_
