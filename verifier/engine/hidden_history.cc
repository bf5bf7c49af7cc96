#include "verifier/engine/hidden_history.h"

#include "common/base/check.h"

namespace chimera {

void HiddenHistory::Reset(int64_t row_size, int32_t window) {
  CHIMERA_CHECK(row_size >= 0 && (row_size == 0 || window > 0)) << row_size << ", " << window;
  row_size_ = row_size;
  window_ = window;
  start_ = end_ = 0;
  rows_.clear();
}

void HiddenHistory::Append(int32_t position, std::span<const uint16_t> row) {
  if (row_size_ == 0) return;
  CHIMERA_CHECK(static_cast<int64_t>(row.size()) == row_size_);
  if (position != end_) {
    rows_.clear();
    start_ = end_ = position;
  }
  rows_.insert(rows_.end(), row.begin(), row.end());
  ++end_;
  // Dropping a whole window at a time keeps the copying at one row per row added.
  if (int64_t{end_} - start_ >= 2 * int64_t{window_}) {
    rows_.erase(rows_.begin(), rows_.end() - window_ * row_size_);
    start_ = end_ - window_;
  }
}

std::span<const uint16_t> HiddenHistory::Rows(int32_t from, int32_t to) const {
  CHIMERA_CHECK(start_ <= from && from <= to && to <= end_)
      << "[" << from << ", " << to << ") of [" << start_ << ", " << end_ << ")";
  return std::span(rows_).subspan((from - start_) * row_size_, (to - from) * row_size_);
}

}  // namespace chimera
