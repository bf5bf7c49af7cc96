#include "verifier/kv_cache/prefix_cache.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "common/base/check.h"

namespace chimera {
namespace {

PageKey MakeKey(int32_t numerics, int64_t parent, std::span<const int32_t> tokens, int32_t index) {
  PageKey key;
  key.numerics = numerics;
  key.parent = parent;
  std::ranges::copy(tokens.subspan(size_t{kPagePositions} * index, kPagePositions),
                    key.tokens.begin());
  return key;
}

}  // namespace

size_t HashPageKey(const PageKey& key) {
  return absl::HashOf(key.numerics, key.parent, key.tokens);
}

bool EqualPageKeys(const PageKey& a, const PageKey& b) { return a == b; }

PrefixCache::PrefixCache(PageAllocator* allocator, const PageKeyLookup& lookup)
    : allocator_(allocator),
      entries_(allocator->page_count()),
      index_(/*bucket_count=*/16, lookup.hash, lookup.equal) {
  allocator_->SetEvictionListener([this](int32_t page) { Forget(page); });
}

void PrefixCache::Match(const std::string& numerics_id, std::span<const int32_t> tokens,
                        PageTable* table) {
  CHIMERA_CHECK(table->size() == 0) << table->size() << " pages";
  const int32_t numerics = NumericsNumber(numerics_id);
  const auto count = static_cast<int32_t>(tokens.size() / kPagePositions);
  int64_t parent = 0;
  for (int32_t index = 0; index < count; ++index) {
    const auto found = index_.find(MakeKey(numerics, parent, tokens, index));
    if (found == index_.end()) return;
    parent = entries_[found->second].id;
    table->AppendShared(found->second);
  }
}

void PrefixCache::Insert(const std::string& numerics_id, std::span<const int32_t> tokens,
                         int32_t index, PageTable* table) {
  const int32_t page = table->pages()[index];
  int64_t parent = 0;
  if (index > 0) {
    parent = entries_[table->pages()[index - 1]].id;
    CHIMERA_CHECK(parent != 0) << "the page before is not in the index";
  }
  const PageKey key = MakeKey(NumericsNumber(numerics_id), parent, tokens, index);
  const auto [found, inserted] = index_.emplace(key, page);
  if (!inserted) {
    if (found->second != page) table->ReplaceByShared(index, found->second);
    return;
  }
  entries_[page] = {.key = key, .id = next_id_++, .hidden_states = {}};
  allocator_->Keep(page);
}

void PrefixCache::SetHiddenStates(int32_t page, int64_t version, std::span<const uint16_t> rows) {
  Entry& entry = entries_[page];
  CHIMERA_CHECK(entry.id != 0) << "page " << page << " is not in the index";
  entry.hidden_version = version;
  entry.hidden_states.assign(rows.begin(), rows.end());
}

std::span<const uint16_t> PrefixCache::HiddenStates(int32_t page, int64_t version) const {
  const Entry& entry = entries_[page];
  CHIMERA_CHECK(entry.id != 0) << "page " << page << " is not in the index";
  if (entry.hidden_version != version) return {};
  return entry.hidden_states;
}

int32_t PrefixCache::NumericsNumber(const std::string& numerics_id) {
  const auto found = std::ranges::find(numerics_ids_, numerics_id);
  if (found == numerics_ids_.end()) {
    numerics_ids_.push_back(numerics_id);
    return static_cast<int32_t>(numerics_ids_.size()) - 1;
  }
  return static_cast<int32_t>(found - numerics_ids_.begin());
}

void PrefixCache::Forget(int32_t page) {
  index_.erase(entries_[page].key);
  entries_[page] = {};
}

}  // namespace chimera
