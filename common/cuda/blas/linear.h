// Linear layers by the library: y = x W^T.

#ifndef CHIMERA_COMMON_CUDA_BLAS_LINEAR_H_
#define CHIMERA_COMMON_CUDA_BLAS_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/blas/blas_handle.h"
#include "common/cuda/runtime/device_span.h"
#include "common/cuda/runtime/impl_pointer.h"
#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

// How algorithms are chosen among those that the library has.
enum class BlasMode {
  // One for every number of rows, so that a row's bits depend on nothing but the row, as far as
  // BlasLinear::SelfTest can tell. Computes whole multiples of kPinnedRows rows.
  kPinned,
  // What the library holds to be fastest, for each number of rows by itself: a row's bits depend
  // on how many others there are.
  kFastest,
};

// Pinned layers compute multiples of so many rows: for fewer, libraries have algorithms of their
// own.
inline constexpr int kPinnedRows = 64;
constexpr int RoundUpToPinnedRows(int row_count) {
  return (row_count + kPinnedRows - 1) / kPinnedRows * kPinnedRows;
}

struct BlasLinearConfig {
  BlasMode mode = BlasMode::kPinned;
  int input_size = 0;     // K: a positive multiple of 8
  int output_size = 0;    // N: a positive multiple of 8
  int max_row_count = 0;  // at least 1
  // Algorithms that need more memory are not considered.
  size_t max_workspace_bytes = size_t{32} << 20;
};

// Pinned layers are tested with so many rows, whatever their max_row_count.
inline constexpr int kSelfTestRows = 4 * kPinnedRows;

// The operands of one run, in device memory, aligned to 16 bytes; the workspace to 256. Output is
// float, or uint16_t for bf16. Padded: BlasLinear::PaddedRowCount(row_count).
template <typename Output>
struct BlasLinearArguments {
  int row_count = 0;                  // at least 1, at most max_row_count
  DeviceSpan<const uint16_t> input;   // bf16 [padded, input_size], or more; rows after the first
                                      // row_count may hold anything
  DeviceSpan<const uint16_t> weight;  // bf16 [output_size, input_size]
  DeviceSpan<Output> output;          // [padded, output_size], or more; what is written to rows
                                      // after the first row_count is undetermined
  DeviceSpan<std::byte> workspace;    // workspace_bytes() or more, for this stream alone
};

namespace internal {

// The config that a layer has for the one given. REQUIRES: what is said of its members.
BlasLinearConfig CheckedConfig(BlasLinearConfig config);

}  // namespace internal

// Owns the choice of algorithms for one shape; weights of equal shape share it. Pinned, sums are
// fp32, also where k is split, and are rounded once to the output's type. Moving it leaves nothing
// behind but an object to assign to or destroy. One thread at a time, of the handle's device.
template <typename Output>
class BlasLinear {
 public:
  // Pinned: takes the algorithm that the library holds to be fastest for kPinnedRows rows among
  // those that can serve all multiples of kPinnedRows up to max_row_count. Errors:
  // FAILED_PRECONDITION if there is none; device_error.h.
  static absl::StatusOr<BlasLinear> Create(BlasHandle& handle, const BlasLinearConfig& config);

  // As given; pinned, max_row_count is the next multiple of kPinnedRows, and at least
  // kSelfTestRows.
  const BlasLinearConfig& config() const;

  // Rows that are computed for `row_count`: pinned, the next multiple of kPinnedRows.
  int PaddedRowCount(int row_count) const;

  // Workspace that a run needs.
  size_t workspace_bytes() const;

  // One line of what decides about bits: shape, type of the output and, pinned, all that tells the
  // algorithm from others. Says nothing of the library's version and of the device.
  std::string description() const;

  // Fastest: chooses the algorithm for a number of rows, which the first run for it does otherwise.
  // Pinned: does nothing. Errors: FAILED_PRECONDITION if there is none; device_error.h.
  absl::Status Prepare(int row_count);

  // Gives the multiplication to the stream, which may be recording a graph: after a run of that
  // number of rows outside of it, with which the library loads its code. Errors: as Prepare.
  absl::Status Run(const BlasLinearArguments<Output>& arguments, Stream& stream);

  // Computes kPinnedRows random rows in random places of as many, twice as many, kSelfTestRows and
  // config().max_row_count, with `weight` as for Run, and compares their bits; in each row an output
  // nearly cancels, so that orders show in bf16, too. Takes memory of the device, for all rows in-
  // and outputs, and as much pinned memory for inputs; waits for the stream. Errors:
  // FAILED_PRECONDITION if bits differ, naming the first row that does; device_error.h. REQUIRES:
  // pinned.
  absl::Status SelfTest(DeviceSpan<const uint16_t> weight, Stream& stream);

  // What an implementation keeps. For the implementations.
  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  // The algorithm's part of description().
  std::string AlgorithmDescription() const;

  // Ends the process unless all that is said of arguments holds of these.
  void Check(const BlasLinearArguments<Output>& arguments) const;

  explicit BlasLinear(ImplPointer<Impl> impl) : impl_(std::move(impl)) {}

  ImplPointer<Impl> impl_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_LINEAR_H_
