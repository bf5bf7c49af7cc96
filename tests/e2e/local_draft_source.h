// A drafter without a link: the engine's DraftSource over a DraftModel in the same thread.

#ifndef CHIMERA_TESTS_E2E_LOCAL_DRAFT_SOURCE_H_
#define CHIMERA_TESTS_E2E_LOCAL_DRAFT_SOURCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "drafter/draft_model.h"
#include "verifier/drafter_client/draft_source.h"

namespace chimera::testing {

// Answers every step at once. Fails the test if the engine breaks the protocol: gaps between
// updates, an epoch without sampling, hidden states that do not line up.
class LocalDraftSource final : public DraftSource {
 public:
  // Changes a draft before the engine sees it; for malformed replies.
  using Mutator = std::function<void(chimera::Draft*)>;

  // `model` must outlive the source.
  LocalDraftSource(DraftModel* model, int32_t hidden_size, Mutator mutator = nullptr);

  // Ends the session, or begins a new one.
  void Disconnect() { session_.reset(); }
  void Connect();

  // The next reply comes only after the engine has asked `count` times whether it has.
  void DelayReply(int count) { delay_ = count; }

  // The next `count` messages are refused, as if the link were full.
  void Refuse(int count) { refusals_ = count; }

  std::optional<DraftSession> Session() const override { return session_; }
  SendResult Send(int64_t session_id, std::span<const DraftUpdate> updates,
                  const DraftPrices& prices) override;
  std::optional<std::vector<chimera::Draft>> WaitReply(
      int64_t step, std::chrono::steady_clock::time_point deadline) override;
  bool HasAnswered(int64_t step) const override;
  void Restart(int64_t session_id, absl::string_view reason) override;
  void Close(int64_t session_id, std::span<const int64_t> sequence_ids) override;
  void CountDraft(bool used) override { ++(used ? used_ : discarded_); }
  DraftSourceStatus Status() const override { return {}; }

  int64_t used() const { return used_; }
  int64_t discarded() const { return discarded_; }
  // Messages sent while drafts asked for before the last WaitReply were still to be taken.
  int64_t overlaps() const { return overlaps_; }
  // Sequences not closed yet.
  size_t open_count() const { return sequences_.size(); }

 private:
  struct Known {
    int32_t epoch = 0;
    int32_t next_position = 0;
    int32_t next_hidden = -1;
    std::unique_ptr<DraftState> state;
  };

  void Apply(const DraftUpdate& update);

  DraftModel* const model_;
  const int32_t hidden_size_;
  const Mutator mutator_;
  std::optional<DraftSession> session_;
  int64_t next_session_ = 1;
  int64_t step_ = 0;
  mutable int delay_ = 0;
  int refusals_ = 0;
  std::map<int64_t, Known> sequences_;
  std::map<int64_t, std::vector<chimera::Draft>> replies_;  // not taken yet, by step
  int64_t waited_at_ = 0;  // the last step when WaitReply was called last
  int64_t overlaps_ = 0;
  int64_t used_ = 0;
  int64_t discarded_ = 0;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_LOCAL_DRAFT_SOURCE_H_
