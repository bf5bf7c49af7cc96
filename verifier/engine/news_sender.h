// Sends the news of one engine step to one drafter.

#ifndef CHIMERA_VERIFIER_ENGINE_NEWS_SENDER_H_
#define CHIMERA_VERIFIER_ENGINE_NEWS_SENDER_H_

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "verifier/engine/draft_piece.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/source_tracker.h"

namespace chimera {

// Packs the pieces of many sequences into messages within the protocol's bounds, and takes down how
// far each sequence was sent. What cannot be sent now is sent later.
//
// The sequences that the drafter keeps up with come first. Those of which it lacks more, a prompt
// or a replay, share what is left of a few MiB, and only once it has answered all that it was sent
// before: so they never fill the link's queue, nor delay the trees of the others for long.
//
// For one engine step; the engine's thread only.
class NewsSender {
 public:
  // The arguments must outlive the sender. REQUIRES: drafter->ready().
  NewsSender(SourceTracker* drafter, int source, const DraftPieceMaker* pieces);

  // Sends what is new of the sequences that are placed at the drafter, and what a step costs.
  void Send(std::span<Sequence* const> sequences, const DraftPrices& prices, int step_group);

 private:
  struct Entry {
    Sequence* sequence;
    DraftPiece piece;
  };
  enum class Group { kKeepingUp, kCatchingUp };

  // These return false when nothing more can be sent in this step.
  bool AddGroup(Group group, std::span<Sequence* const> sequences);
  bool Add(Sequence* sequence);
  bool Flush();

  SourceTracker* const drafter_;
  const int source_;
  const DraftPieceMaker& pieces_;
  DraftPrices prices_;
  int step_group_ = 0;          // of the sequences
  std::vector<Entry> message_;  // what the next message holds
  size_t message_bytes_ = 0;    // of message_
  size_t sent_bytes_ = 0;       // of the messages before
  // Trees are asked for while sent_bytes_ is not above it.
  size_t ask_until_ = std::numeric_limits<size_t>::max();
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_NEWS_SENDER_H_
