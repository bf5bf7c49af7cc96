// A linear layer's operands, in memory of the host and of a device.

#ifndef CHIMERA_TESTS_COMMON_CUDA_BLAS_LINEAR_RUN_H_
#define CHIMERA_TESTS_COMMON_CUDA_BLAS_LINEAR_RUN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "common/base/float16.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/linear.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"

namespace chimera::testing {

struct LinearOperands {
  int row_count;
  int input_size;
  int output_size;
  std::vector<uint16_t> input;   // bf16 [row_count, input_size]
  std::vector<uint16_t> weight;  // bf16 [output_size, input_size]
};

inline LinearOperands RandomOperands(int row_count, int input_size, int output_size) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  LinearOperands operands = {row_count, input_size, output_size, {}, {}};
  operands.input.resize(static_cast<size_t>(row_count) * input_size);
  operands.weight.resize(static_cast<size_t>(output_size) * input_size);
  for (uint16_t& x : operands.input) x = FloatToBf16(normal(random));
  for (uint16_t& x : operands.weight) x = FloatToBf16(0.05f * normal(random));
  return operands;
}

// The rows of `size` elements that `selected` names, in this order.
template <typename T>
std::vector<T> SelectRows(const std::vector<T>& all, int size, const std::vector<int>& selected) {
  std::vector<T> rows;
  for (const int row : selected) {
    const auto begin = all.begin() + int64_t{row} * size;
    rows.insert(rows.end(), begin, begin + size);
  }
  return rows;
}

// All memory of one run of `linear`. Nobody writes to padding rows of the input.
template <typename Output>
class LinearRun {
 public:
  LinearRun(const cuda::BlasLinear<Output>& linear, const LinearOperands& operands)
      : row_count_(operands.row_count),
        padded_row_count_(linear.PaddedRowCount(operands.row_count)),
        output_size_(operands.output_size),
        host_input_(*cuda::PinnedBuffer<uint16_t>::Allocate(operands.input.size())),
        host_weight_(*cuda::PinnedBuffer<uint16_t>::Allocate(operands.weight.size())),
        host_output_(*cuda::PinnedBuffer<Output>::Allocate(padded_row_count_ * output_size_)),
        input_(*cuda::DeviceBuffer<uint16_t>::Allocate(padded_row_count_ * operands.input_size)),
        weight_(*cuda::DeviceBuffer<uint16_t>::Allocate(operands.weight.size())),
        output_(*cuda::DeviceBuffer<Output>::Allocate(padded_row_count_ * output_size_)),
        workspace_(*cuda::DeviceBuffer<std::byte>::Allocate(linear.workspace_bytes())) {
    SetInput(operands.input);
    std::copy(operands.weight.begin(), operands.weight.end(), host_weight_.span().begin());
  }

  void SetInput(const std::vector<uint16_t>& input) {
    std::copy(input.begin(), input.end(), host_input_.span().begin());
  }

  cuda::BlasLinearArguments<Output> Arguments() {
    return {row_count_, input_.span(), weight_.span(), output_.span(), workspace_.span()};
  }

  // Copies the operands to the device and the output back; neither waits.
  absl::Status CopyOperands(cuda::Stream& stream) {
    CHIMERA_RETURN_IF_ERROR(cuda::CopyToDevice(input_.span().subspan(0, host_input_.size()),
                                               host_input_.span(), stream));
    return cuda::CopyToDevice(weight_.span(), host_weight_.span(), stream);
  }
  absl::Status CopyOutput(cuda::Stream& stream) {
    return cuda::CopyToHost(host_output_.span(), output_.span(), stream);
  }

  // The output that was copied last, without and with the padding rows.
  std::vector<Output> output() const {
    const auto begin = host_output_.span().begin();
    return {begin, begin + row_count_ * output_size_};
  }
  std::vector<Output> padded_output() const {
    return {host_output_.span().begin(), host_output_.span().end()};
  }

 private:
  int row_count_;
  size_t padded_row_count_;
  size_t output_size_;
  cuda::PinnedBuffer<uint16_t> host_input_;
  cuda::PinnedBuffer<uint16_t> host_weight_;
  cuda::PinnedBuffer<Output> host_output_;
  cuda::DeviceBuffer<uint16_t> input_;
  cuda::DeviceBuffer<uint16_t> weight_;
  cuda::DeviceBuffer<Output> output_;
  cuda::DeviceBuffer<std::byte> workspace_;
};

// The output of `linear` for these operands, from beginning to end.
template <typename Output>
absl::StatusOr<std::vector<Output>> RunLinear(cuda::BlasLinear<Output>& linear,
                                              const LinearOperands& operands) {
  LinearRun<Output> run(linear, operands);
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::Create());
  CHIMERA_RETURN_IF_ERROR(run.CopyOperands(stream));
  CHIMERA_RETURN_IF_ERROR(linear.Run(run.Arguments(), stream));
  CHIMERA_RETURN_IF_ERROR(run.CopyOutput(stream));
  CHIMERA_RETURN_IF_ERROR(stream.Synchronize());
  return run.output();
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_BLAS_LINEAR_RUN_H_
