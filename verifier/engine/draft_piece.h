// What a drafter is told next about a sequence.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFT_PIECE_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFT_PIECE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/model/llama_config.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/draft_options.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/tap_union.h"

namespace chimera {

// A part of a sequence's news that fits into one message. Movable, not copyable.
struct DraftPiece {
  DraftPiece() = default;
  DraftPiece(DraftPiece&&) = default;
  DraftPiece& operator=(DraftPiece&&) = default;

  // Asks for no tree yet.
  void DropWish();

  DraftUpdate update;              // its spans point into the sequence or into `selected`
  DraftProgress progress;          // of the sequence, once the piece is sent
  size_t bytes = 0;                // size in a message, or a little less
  std::vector<uint16_t> selected;  // hidden states that had to be picked out of whole rows
};

// Cuts news into pieces: first the tokens, then the hidden states of those that have been verified,
// and with the last piece the wish for a tree. Changes no sequence, so that a piece that could not
// be sent is simply made again. The engine's thread only.
class DraftPieceMaker {
 public:
  // `taps` must outlive the maker.
  DraftPieceMaker(const LlamaConfig& config, const DraftOptions& options, const TapUnion* taps);

  // Room that a piece for this drafter needs for certain, in bytes; at most kMaxStepBytes.
  size_t MinRoom(int source) const;

  // The next piece for the drafter that serves `sequence`, or nothing if there is nothing to tell.
  // It takes at most `room` bytes of a message; more is left if progress.up_to_date is not set.
  // Starts a new epoch if the drafter does not know the sequence, or lacks hidden states that are
  // not kept any more. REQUIRES: room >= MinRoom of that drafter.
  std::optional<DraftPiece> Next(const Sequence& sequence, const DraftSession& session,
                                 size_t room) const;

 private:
  // The tree that a sequence wants; no nodes if none.
  struct Wish {
    int32_t nodes = 0;
    int32_t depth = 0;
  };

  Wish MakeWish(const Sequence& sequence, const DraftSession& session) const;
  // Whether there are hidden states for the sequence's drafter.
  bool HasRows(const Sequence& sequence) const;
  // Whether that drafter missed some which are not kept any more.
  bool LacksLostRows(const Sequence& sequence) const;
  void StartEpoch(const Sequence& sequence, int32_t start, DraftPiece* piece) const;
  // These add what fits into `room`, and take away what they used.
  void AddTokens(const Sequence& sequence, size_t* room, DraftPiece* piece) const;
  void AddRows(const Sequence& sequence, size_t* room, DraftPiece* piece) const;

  const LlamaConfig config_;
  const DraftOptions options_;
  const TapUnion* const taps_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFT_PIECE_H_
