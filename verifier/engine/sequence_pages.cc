#include "verifier/engine/sequence_pages.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace chimera {
namespace {

// The tokens whose K/V may come from the cache. The last one of a prompt is always computed: the
// first token of the reply is sampled there.
std::span<const int32_t> ReusableTokens(const Sequence& sequence) {
  const int32_t end = sequence.prefill_end();
  return std::span(sequence.tokens).first(sequence.has_reply() ? end : end - 1);
}

}  // namespace

SequencePages::SequencePages(int32_t page_count, std::string numerics_id,
                             DraftCoordinator* coordinator)
    : numerics_id_(std::move(numerics_id)),
      coordinator_(coordinator),
      allocator_(page_count),
      cache_(&allocator_) {}

bool SequencePages::Admit(Sequence* sequence, int32_t reserve) {
  CHIMERA_CHECK(sequence->pages.size() == 0) << sequence->pages.size() << " pages";
  PageTable pages(&allocator_);
  if (sequence->purpose == RequestPurpose::kUser) {
    cache_.Match(numerics_id_, ReusableTokens(*sequence), &pages);
  }
  const int32_t found = pages.size();
  const int32_t missing = PagesForPositions(sequence->prefill_end() + 1) - found;
  if (missing + reserve > allocator_.available_count()) return false;
  CHIMERA_CHECK(pages.Extend(missing));
  sequence->pages = std::move(pages);
  sequence->shared_pages = found;
  sequence->context_length = found * kPagePositions;
  RestoreHiddenStates(sequence);
  return true;
}

bool SequencePages::Cover(Sequence* sequence, int32_t end) {
  const int32_t missing = PagesForPositions(end) - sequence->pages.size();
  return missing <= 0 || sequence->pages.Extend(missing);
}

void SequencePages::Publish(Sequence* sequence) {
  if (sequence->purpose != RequestPurpose::kUser) return;
  const int32_t full = sequence->context_length / kPagePositions;
  while (sequence->shared_pages < full) {
    const int32_t index = sequence->shared_pages++;
    cache_.Insert(numerics_id_, sequence->tokens, index, &sequence->pages);
    PublishHiddenStates(*sequence, index);
  }
}

void SequencePages::Release(Sequence* sequence) {
  sequence->pages.Clear();
  sequence->shared_pages = 0;
  sequence->context_length = 0;
}

void SequencePages::RestoreHiddenStates(Sequence* sequence) {
  if (!coordinator_->WantsHiddenStates(*sequence)) return;
  const int64_t version = coordinator_->tap_version();
  // Of the states without a gap up to the end.
  int32_t first = sequence->shared_pages;
  while (first > 0 && !cache_.HiddenStates(sequence->pages.pages()[first - 1], version).empty()) {
    --first;
  }
  for (int32_t index = first; index < sequence->shared_pages; ++index) {
    const std::span<const uint16_t> rows =
        cache_.HiddenStates(sequence->pages.pages()[index], version);
    const size_t row_size = rows.size() / kPagePositions;
    for (int32_t i = 0; i < kPagePositions; ++i) {
      coordinator_->RecordHidden(sequence, index * kPagePositions + i,
                                 rows.subspan(i * row_size, row_size));
    }
  }
}

void SequencePages::PublishHiddenStates(const Sequence& sequence, int32_t index) {
  const int32_t start = index * kPagePositions;
  const HiddenHistory& hidden = sequence.hidden;
  if (hidden.row_size() == 0 || start < hidden.start() || start + kPagePositions > hidden.end()) {
    return;
  }
  const int32_t page = sequence.pages.pages()[index];
  if (cache_.HiddenStates(page, sequence.tap_version).empty()) {
    cache_.SetHiddenStates(page, sequence.tap_version, hidden.Rows(start, start + kPagePositions));
  }
}

}  // namespace chimera
