// Gives sequences the K/V pages they need, sharing what is there already.

#ifndef CHIMERA_VERIFIER_ENGINE_SEQUENCE_PAGES_H_
#define CHIMERA_VERIFIER_ENGINE_SEQUENCE_PAGES_H_

#include <cstdint>
#include <string>

#include "verifier/engine/draft_coordinator.h"
#include "verifier/engine/sequence.h"
#include "verifier/kv_cache/page_allocator.h"
#include "verifier/kv_cache/prefix_cache.h"

namespace chimera {

// The page pool and the prefix cache over it. A sequence that checks another
// (RequestPurpose::kCanary) neither takes from the cache nor adds to it. The engine's thread only.
class SequencePages {
 public:
  // `page_count` and `numerics_id` are the backend's; `coordinator` must outlive this.
  SequencePages(int32_t page_count, std::string numerics_id, DraftCoordinator* coordinator);

  // Gives a sequence that has no pages those for all it reads and one token more: from the cache as
  // far as it is there, with its hidden states, and sets context_length to the end of that. Returns
  // false, and changes nothing, if fewer than `reserve` pages would be left to others.
  bool Admit(Sequence* sequence, int32_t reserve);

  // Sees to it that the sequence has pages for the positions below `end`; false if there are too
  // few.
  bool Cover(Sequence* sequence, int32_t end);

  // Offers the sequence's full pages to others. Call when a step's K/V is in the pages.
  void Publish(Sequence* sequence);

  // Takes the sequence's pages back; what was published stays in the cache.
  void Release(Sequence* sequence);

  const PageAllocator& allocator() const { return allocator_; }

 private:
  void RestoreHiddenStates(Sequence* sequence);
  void PublishHiddenStates(const Sequence& sequence, int32_t index);

  const std::string numerics_id_;
  DraftCoordinator* const coordinator_;
  PageAllocator allocator_;
  PrefixCache cache_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_SEQUENCE_PAGES_H_
