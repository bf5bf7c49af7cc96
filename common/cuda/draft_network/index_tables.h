// What the kernels of a call read of its rows: columns of whole numbers, sent in one copy.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_INDEX_TABLES_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_INDEX_TABLES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

// Each column has the same number of elements for every row. Where a column of `row_count` rows is
// on the device does not change: captured graphs keep it. One thread at a time.
class IndexTables {
 public:
  // On the calling thread's device, for at most `max_rows` rows; column i has widths[i] elements a
  // row. Errors: device_error.h.
  static absl::StatusOr<IndexTables> Create(std::vector<int> widths, int max_rows);

  // The elements [row_count, width] to be written before Send. REQUIRES: earlier copies are done.
  std::span<int32_t> Stage(int column, int row_count);

  // Gives the copy of all columns of `row_count` rows to the stream.
  absl::Status Send(int row_count, cuda::Stream& stream);

  // The column on the device, at a multiple of 16 bytes.
  const int32_t* View(int column, int row_count) const;

 private:
  IndexTables(std::vector<int> widths, cuda::PinnedBuffer<int32_t> host,
              cuda::DeviceBuffer<int32_t> device);

  // Elements before a column; of the number of columns, of all.
  static int64_t Offset(std::span<const int> widths, size_t column, int row_count);

  std::vector<int> widths_;
  cuda::PinnedBuffer<int32_t> host_;
  cuda::DeviceBuffer<int32_t> device_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_INDEX_TABLES_H_
