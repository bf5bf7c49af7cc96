// Linear layers on a device: where the ways to compute them part.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_LINEAR_RUNNER_H_
#define CHIMERA_COMMON_CUDA_BACKEND_LINEAR_RUNNER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/cuda/backend/weight_uploader.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/device_span.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

// The operands of one run, y = x W^T.
struct LinearOperands {
  int row_count = 0;  // at least 1
  // x, bf16 [PaddedRows(row_count), input_size], or more. Rows after the first row_count may hold
  // anything.
  cuda::DeviceSpan<const uint16_t> input;
  // OutputElements() or more. What is in rows after the first row_count is undetermined.
  cuda::DeviceSpan<float> output;
};

// Runs the layers of one model. A row of y has the same bits for every number of rows and in every
// place. One thread at a time, of one device, with one stream. Errors: device_error.h.
class LinearRunner {
 public:
  virtual ~LinearRunner() = default;

  // How it takes weights.
  virtual WeightOrder weight_order() const = 0;

  // What decides about a row's bits besides this code and the device, as one line, of which the
  // numerics id has a hash; may be empty.
  virtual std::string description() const = 0;

  // Rows that are computed for `row_count`, at least as many.
  virtual int PaddedRows(int row_count) const = 0;

  // How many partial sums Run leaves of each element. y = 0 + the first + the second + ...
  virtual int SplitCount(const DeviceLinear& linear, int row_count) const = 0;

  // Elements of the output of any number of rows up to `max_row_count`.
  virtual int64_t OutputElements(const DeviceLinear& linear, int max_row_count) const = 0;

  // Gives a layer to the stream, which may be recording a graph. It leaves
  // [SplitCount(), row_count, output_size]. The weights are constant since it was made.
  virtual absl::Status Run(const DeviceLinear& linear, const LinearOperands& operands,
                           cuda::Stream& stream, LaunchOrder order) = 0;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_LINEAR_RUNNER_H_
