// A drafter that does what a test says and keeps what it is told.

#ifndef CHIMERA_TESTS_VERIFIER_ENGINE_FAKE_DRAFT_SOURCE_H_
#define CHIMERA_TESTS_VERIFIER_ENGINE_FAKE_DRAFT_SOURCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verifier/drafter_client/draft_source.h"

namespace chimera::testing {

// Fails the test if the engine breaks the protocol: messages above 1 MiB or with two entries for a
// sequence, gaps between tokens, rows twice or ahead of the tokens, epochs without sampling. One
// thread.
class FakeDraftSource final : public DraftSource {
 public:
  // What it was told of a sequence in its newest epoch.
  struct Known {
    int32_t epoch = 0;
    int32_t start = 0;
    std::vector<int32_t> tokens;                    // from position `start`
    std::map<int32_t, std::vector<uint16_t>> rows;  // by position
    int32_t end() const { return start + static_cast<int32_t>(tokens.size()); }
  };
  struct Message {
    size_t bytes = 0;
    int updates = 0;
    int wishes = 0;  // updates that ask for a tree
    DraftPrices prices;
  };

  explicit FakeDraftSource(int32_t hidden_size) : hidden_size_(hidden_size) {}

  // Begins a session, of any id; ends it.
  void Connect(DraftSession session);
  void Disconnect();

  // How it behaves from now on.
  bool answers = true;      // else what it is sent stays unanswered until AnswerAll
  bool queue_full = false;  // Send refuses
  DraftOutcome outcome = DraftOutcome::kDrafted;
  std::function<void(Draft*)> change;  // of each draft, which has one node

  void AnswerAll() { answered_ = step_; }

  // What happened.
  std::map<int64_t, Known> known;     // by sequence
  std::vector<Message> messages;      // in order, over all sessions
  std::vector<int64_t> closed;        // sequences
  std::vector<std::string> restarts;  // their reasons
  int used = 0;
  int discarded = 0;

  std::optional<DraftSession> Session() const override { return session_; }
  SendResult Send(int64_t session_id, std::span<const DraftUpdate> updates,
                  const DraftPrices& prices) override;
  std::optional<std::vector<Draft>> WaitReply(
      int64_t step, std::chrono::steady_clock::time_point deadline) override;
  bool HasAnswered(int64_t step) const override { return step <= answered_; }
  void Restart(int64_t session_id, absl::string_view reason) override;
  void Close(int64_t session_id, std::span<const int64_t> sequence_ids) override;
  void CountDraft(bool was_used) override { ++(was_used ? used : discarded); }
  DraftSourceStatus Status() const override { return {}; }

 private:
  void Record(std::span<const DraftUpdate> updates, const DraftPrices& prices);
  void Apply(const DraftUpdate& update);

  const int32_t hidden_size_;
  std::optional<DraftSession> session_;
  int64_t sessions_ = 0;
  int64_t step_ = 0;
  int64_t answered_ = 0;
  std::map<int64_t, std::vector<Draft>> replies_;  // by step
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_ENGINE_FAKE_DRAFT_SOURCE_H_
