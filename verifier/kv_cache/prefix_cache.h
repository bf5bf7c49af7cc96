// Finds pages whose K/V another request has computed already.

#ifndef CHIMERA_VERIFIER_KV_CACHE_PREFIX_CACHE_H_
#define CHIMERA_VERIFIER_KV_CACHE_PREFIX_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/backend/backend.h"
#include "verifier/kv_cache/page_allocator.h"

namespace chimera {

// All that the content of a full page depends on: the arithmetic, the pages before it, which one id
// stands for, and its own tokens.
struct PageKey {
  int32_t numerics = 0;  // number of the numerics id
  int64_t parent = 0;    // id of the page before; 0 for the first
  std::array<int32_t, kPagePositions> tokens = {};

  friend bool operator==(const PageKey&, const PageKey&) = default;
};

size_t HashPageKey(const PageKey& key);
bool EqualPageKeys(const PageKey& a, const PageKey& b);

// How keys are looked up. Others than the default are for tests: a hash that collides must do no
// harm, a comparison that overlooks a field must be noticed.
struct PageKeyLookup {
  size_t (*hash)(const PageKey&) = HashPageKey;
  bool (*equal)(const PageKey&, const PageKey&) = EqualPageKeys;
};

// Index of full pages by what they hold. A page stays in it until the allocator evicts it; the
// pages before it stay at least as long. The engine's thread only.
class PrefixCache {
 public:
  // Becomes the eviction listener of `allocator`, which must outlive the cache.
  explicit PrefixCache(PageAllocator* allocator, const PageKeyLookup& lookup = {});

  // Appends to the empty `table` the pages that hold the beginning of `tokens` under `numerics_id`.
  void Match(const std::string& numerics_id, std::span<const int32_t> tokens, PageTable* table);

  // Puts the full page at `index` of `table` into the index, or replaces it there by the page that
  // is in the index already: the two hold the same. `tokens` begins at position 0. REQUIRES: the
  // pages before it were inserted or matched under the same numerics id.
  void Insert(const std::string& numerics_id, std::span<const int32_t> tokens, int32_t index,
              PageTable* table);

  // Hidden states of the page's positions, [kPagePositions, row_size] in bf16, kept with it for
  // drafters; `version` names the layers they are of. A page has one version, the last one set.
  // REQUIRES for both: the page is in the index.
  void SetHiddenStates(int32_t page, int64_t version, std::span<const uint16_t> rows);
  // Empty if the page has none of that version. Valid until the next call that is not const.
  std::span<const uint16_t> HiddenStates(int32_t page, int64_t version) const;

  // Pages in the index.
  int32_t page_count() const { return static_cast<int32_t>(index_.size()); }

 private:
  struct Entry {
    PageKey key;
    int64_t id = 0;  // positive, never used again; 0 if the page is not in the index
    int64_t hidden_version = -1;
    std::vector<uint16_t> hidden_states;
  };
  using Index = std::unordered_map<PageKey, int32_t, size_t (*)(const PageKey&),
                                   bool (*)(const PageKey&, const PageKey&)>;

  int32_t NumericsNumber(const std::string& numerics_id);
  void Forget(int32_t page);

  PageAllocator* const allocator_;
  std::vector<std::string> numerics_ids_;
  std::vector<Entry> entries_;  // by page
  Index index_;                 // key to page
  int64_t next_id_ = 1;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_KV_CACHE_PREFIX_CACHE_H_
