// Keys and values of one sequence's context encoder, in a sliding window.

#ifndef CHIMERA_DRAFTER_NETWORK_CONTEXT_WINDOW_H_
#define CHIMERA_DRAFTER_NETWORK_CONTEXT_WINDOW_H_

#include <cstdint>
#include <vector>

#include "common/cpu/attention_task.h"
#include "common/model/draft_network_config.h"

namespace chimera {

// Holds the newest positions, as many as context_window says and up to 16 more, in a ring of pages
// laid out as attention reads them (attention_task.h). fp16. Different positions may be written
// from different threads.
class ContextWindow {
 public:
  explicit ContextWindow(const DraftNetworkConfig& config);

  // Forgets all positions; the next one is `position`.
  void Restart(int64_t position);

  int64_t begin() const;                // first position that is held
  int64_t end() const { return end_; }  // position after the last
  // Makes room for the next `count` positions, whose keys and values must be written before they
  // are read. REQUIRES: count is at most context_window.
  void Append(int64_t count);

  // Writes the key and value of one head [head_dim] at a position that is held.
  void Put(int64_t position, int64_t head, const uint16_t* key, const uint16_t* value);

  // Lists the pages of a head in position order. Returns how many positions they hold.
  int64_t ListPages(int64_t head, std::vector<KvPage>* pages) const;

 private:
  // Elements of a page's keys, all heads, or of its values.
  int64_t half_size() const { return kv_head_count_ * head_dim_ * kKvPagePositions; }
  int64_t page_count() const { return (end_ - origin_ + kKvPagePositions - 1) / kKvPagePositions; }
  // First page that is held; page i has positions origin_ + 16 i to origin_ + 16 i + 15.
  int64_t first_page() const;
  // Elements from the start of memory_ to a head's keys or values in the page.
  int64_t KeyOffset(int64_t page, int64_t head) const;
  int64_t ValueOffset(int64_t page, int64_t head) const;

  int64_t kv_head_count_;
  int64_t head_dim_;
  int64_t page_limit_;
  int64_t origin_ = 0;
  int64_t end_ = 0;
  // [min(page_limit_, pages so far)][key or value][kv_head][head_dim * 16], a ring
  std::vector<uint16_t> memory_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_CONTEXT_WINDOW_H_
