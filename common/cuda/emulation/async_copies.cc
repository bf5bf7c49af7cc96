#include "common/cuda/emulation/async_copies.h"

#include <algorithm>
#include <utility>

#include "common/cuda/emulation/poison.h"

namespace chimera::emulation {

void AsyncCopies::Begin(std::byte* target, const std::byte* source) {
  Copy copy = {target, {}};
  if (source != nullptr) std::copy_n(source, kAsyncCopyBytes, copy.bytes.begin());
  std::fill_n(target, kAsyncCopyBytes, kPoison);
  uncommitted_.push_back(copy);
}

void AsyncCopies::Commit() { committed_.push_back(std::exchange(uncommitted_, {})); }

void AsyncCopies::WaitForGroups(size_t pending) {
  if (committed_.size() <= pending) return;
  const auto first_pending = committed_.end() - static_cast<std::ptrdiff_t>(pending);
  for (auto group = committed_.begin(); group != first_pending; ++group) {
    for (const Copy& copy : *group) std::ranges::copy(copy.bytes, copy.target);
  }
  committed_.erase(committed_.begin(), first_pending);
}

void AsyncCopies::Clear() {
  uncommitted_.clear();
  committed_.clear();
}

}  // namespace chimera::emulation
