#include "common/cuda/draft_network/index_tables.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"

namespace chimera {

int64_t IndexTables::Offset(std::span<const int> widths, size_t column, int row_count) {
  int64_t offset = 0;
  for (const int width : widths.first(column)) offset += (int64_t{width} * row_count + 3) / 4 * 4;
  return offset;
}

absl::StatusOr<IndexTables> IndexTables::Create(std::vector<int> widths, int max_rows) {
  const int64_t size = Offset(widths, widths.size(), max_rows);
  CHIMERA_ASSIGN_OR_RETURN(auto host, cuda::PinnedBuffer<int32_t>::Allocate(size));
  CHIMERA_ASSIGN_OR_RETURN(auto device, cuda::DeviceBuffer<int32_t>::Allocate(size));
  return IndexTables(std::move(widths), std::move(host), std::move(device));
}

IndexTables::IndexTables(std::vector<int> widths, cuda::PinnedBuffer<int32_t> host,
                         cuda::DeviceBuffer<int32_t> device)
    : widths_(std::move(widths)), host_(std::move(host)), device_(std::move(device)) {}

std::span<int32_t> IndexTables::Stage(int column, int row_count) {
  return host_.span().subspan(Offset(widths_, column, row_count),
                              int64_t{widths_[column]} * row_count);
}

absl::Status IndexTables::Send(int row_count, cuda::Stream& stream) {
  const int64_t size = Offset(widths_, widths_.size(), row_count);
  return cuda::CopyToDevice<int32_t>(device_.span().subspan(0, size), host_.span().first(size),
                                     stream);
}

const int32_t* IndexTables::View(int column, int row_count) const {
  return device_.span().device_pointer() + Offset(widths_, column, row_count);
}

}  // namespace chimera
