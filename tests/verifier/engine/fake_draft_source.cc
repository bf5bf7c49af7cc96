#include "tests/verifier/engine/fake_draft_source.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "verifier/drafter_client/draft_messages.h"

namespace chimera::testing {

void FakeDraftSource::Connect(DraftSession session) {
  Disconnect();
  session.id = ++sessions_;
  session_ = std::move(session);
}

void FakeDraftSource::Disconnect() {
  session_.reset();
  known.clear();
  replies_.clear();
  answered_ = step_;
}

void FakeDraftSource::Record(std::span<const DraftUpdate> updates, const DraftPrices& prices) {
  v1::StepRequest request;
  WriteStep(updates, prices,
            {.n_tapped = static_cast<int64_t>(session_->tapped_layers.size()),
             .hidden_size = hidden_size_},
            &request);
  request.set_step(step_);
  messages.push_back({request.ByteSizeLong(), static_cast<int>(updates.size()),
                      static_cast<int>(CountDraftsAskedFor(updates)), prices});
  EXPECT_LE(messages.back().bytes, size_t{1} << 20);
  EXPECT_LE(updates.size(), 4096u);
}

void FakeDraftSource::Apply(const DraftUpdate& update) {
  Known& sequence = known[update.sequence_id];
  if (update.epoch != sequence.epoch) {
    EXPECT_GT(update.epoch, sequence.epoch);
    EXPECT_TRUE(update.sampling.has_value());
    EXPECT_FALSE(update.token_ids.empty());
    sequence = {.epoch = update.epoch, .start = update.start_position, .tokens = {}, .rows = {}};
  }
  EXPECT_EQ(update.start_position, sequence.end());
  sequence.tokens.insert(sequence.tokens.end(), update.token_ids.begin(), update.token_ids.end());
  const size_t row_size = session_->tapped_layers.size() * hidden_size_;
  if (update.hidden_states.empty()) return;
  ASSERT_GT(row_size, 0u) << "hidden states that nobody asked for";
  ASSERT_EQ(update.hidden_states.size() % row_size, 0u);
  int32_t position = update.hidden_start_position;
  EXPECT_GE(position, sequence.start);
  if (!sequence.rows.empty()) {
    EXPECT_EQ(position, sequence.rows.rbegin()->first + 1);
  }
  for (size_t at = 0; at < update.hidden_states.size(); at += row_size) {
    const auto row = update.hidden_states.subspan(at, row_size);
    sequence.rows[position++].assign(row.begin(), row.end());
  }
  EXPECT_LT(position, sequence.end()) << "the newest token has no hidden state";
}

SendResult FakeDraftSource::Send(int64_t session_id, std::span<const DraftUpdate> updates,
                                 const DraftPrices& prices) {
  using Outcome = SendResult::Outcome;
  if (!session_.has_value() || session_->id != session_id) return {Outcome::kSessionEnded};
  if (queue_full) return {Outcome::kQueueFull};
  ++step_;
  Record(updates, prices);
  std::set<int64_t> ids;
  for (const DraftUpdate& update : updates) {
    EXPECT_TRUE(ids.insert(update.sequence_id).second) << "two entries for a sequence";
    Apply(update);
    if (update.node_budget == 0) continue;
    Draft draft = {.sequence_id = update.sequence_id,
                   .epoch = update.epoch,
                   .root_position = known[update.sequence_id].end() - 1,
                   .outcome = outcome,
                   .token_ids = {7},
                   .parents = {0},
                   .path_probabilities = {0.5f},
                   .sources = {CandidateSource::kNgram}};
    if (change) change(&draft);
    replies_[step_].push_back(std::move(draft));
  }
  if (answers) AnswerAll();
  return {Outcome::kSent, step_};
}

std::optional<std::vector<Draft>> FakeDraftSource::WaitReply(
    int64_t step, std::chrono::steady_clock::time_point) {
  const auto reply = replies_.extract(step);
  if (reply.empty() || step > answered_) return std::nullopt;
  return reply.mapped();
}

void FakeDraftSource::Restart(int64_t session_id, absl::string_view reason) {
  if (!session_.has_value() || session_->id != session_id) return;
  restarts.emplace_back(reason);
  Disconnect();
}

void FakeDraftSource::Close(int64_t session_id, std::span<const int64_t> sequence_ids) {
  if (!session_.has_value() || session_->id != session_id) return;
  for (const int64_t id : sequence_ids) {
    known.erase(id);
    closed.push_back(id);
  }
}

}  // namespace chimera::testing
