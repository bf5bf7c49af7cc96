#include "verifier/engine/tap_union.h"

#include <algorithm>
#include <set>

namespace chimera {
namespace {

// Of one sequence. The history holds up to twice as much for a moment.
constexpr int64_t kMaxHistoryBytes = 32 << 20;

// More than a step can add to a sequence that decodes: what is new always fits.
constexpr int32_t kMinHistoryPositions = 64;

}  // namespace

TapUnion::TapUnion(int source_count, int32_t hidden_size)
    : hidden_size_(hidden_size), wishes_(source_count), parts_(source_count) {}

void TapUnion::Set(int source, std::span<const int32_t> layers, int32_t window) {
  wishes_[source] = {{layers.begin(), layers.end()}, window};
  std::set<int32_t> all;
  int32_t longest = 0;
  for (const Wish& wish : wishes_) {
    all.insert(wish.layers.begin(), wish.layers.end());
    longest = std::max(longest, wish.window);
  }
  if (!std::ranges::equal(all, layers_) || longest != window_) ++version_;
  layers_.assign(all.begin(), all.end());
  window_ = longest;
  for (size_t i = 0; i < wishes_.size(); ++i) {
    parts_[i].clear();
    for (const int32_t layer : wishes_[i].layers) {
      const auto at = std::ranges::lower_bound(layers_, layer);
      parts_[i].push_back(static_cast<int32_t>(at - layers_.begin()));
    }
  }
}

int32_t TapUnion::history_window() const {
  const int64_t row_bytes = std::max<int64_t>(1, row_size() * int64_t{sizeof(uint16_t)});
  const int64_t window = std::min<int64_t>(window_, kMaxHistoryBytes / row_bytes);
  return static_cast<int32_t>(std::max<int64_t>(window, kMinHistoryPositions));
}

std::span<const uint16_t> TapUnion::Select(int source, std::span<const uint16_t> rows,
                                           std::vector<uint16_t>* memory) const {
  const std::vector<int32_t>& part = parts_[source];
  if (part.size() == layers_.size()) return rows;
  memory->clear();
  for (size_t row = 0; row < rows.size(); row += row_size()) {
    for (const int32_t tap : part) {
      const auto state = rows.subspan(row + static_cast<size_t>(tap) * hidden_size_, hidden_size_);
      memory->insert(memory->end(), state.begin(), state.end());
    }
  }
  return *memory;
}

}  // namespace chimera
