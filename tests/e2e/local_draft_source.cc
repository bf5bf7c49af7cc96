#include "tests/e2e/local_draft_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace chimera::testing {

LocalDraftSource::LocalDraftSource(DraftModel* model, int32_t hidden_size, Mutator mutator)
    : model_(model), hidden_size_(hidden_size), mutator_(std::move(mutator)) {
  Connect();
}

void LocalDraftSource::Connect() {
  sequences_.clear();
  replies_.clear();
  const DraftModelInfo& info = model_->info();
  session_ =
      DraftSession{next_session_++, info.tapped_layers, info.context_window, 64, info.max_nodes};
}

void LocalDraftSource::Apply(const DraftUpdate& update) {
  Known& known = sequences_[update.sequence_id];
  if (update.epoch != known.epoch) {
    EXPECT_GT(update.epoch, known.epoch);
    ASSERT_TRUE(update.sampling.has_value()) << "an epoch began without sampling parameters";
    EXPECT_FALSE(update.token_ids.empty());
    known.epoch = update.epoch;
    known.state = model_->NewState(update.start_position, *update.sampling);
    known.next_hidden = -1;
  } else {
    EXPECT_EQ(update.start_position, known.next_position);
  }
  known.next_position = update.start_position + static_cast<int32_t>(update.token_ids.size());
  const int64_t row = static_cast<int64_t>(session_->tapped_layers.size()) * hidden_size_;
  if (update.hidden_states.empty()) return;
  ASSERT_GT(row, 0) << "hidden states that nobody asked for";
  ASSERT_EQ(update.hidden_states.size() % row, 0u);
  if (known.next_hidden >= 0) {
    EXPECT_EQ(update.hidden_start_position, known.next_hidden);
  }
  known.next_hidden =
      update.hidden_start_position + static_cast<int32_t>(update.hidden_states.size() / row);
  EXPECT_LT(known.next_hidden, known.next_position) << "the newest token has no hidden state";
}

SendResult LocalDraftSource::Send(int64_t session_id, std::span<const DraftUpdate> updates,
                                  const DraftPrices& prices) {
  if (!session_.has_value() || session_->id != session_id) return {};
  if (refusals_ > 0) {
    --refusals_;
    return {.outcome = SendResult::Outcome::kQueueFull};
  }
  overlaps_ += std::ranges::any_of(replies_, [this](const auto& waiting) {
    return waiting.first <= waited_at_ && !waiting.second.empty();
  });
  std::vector<DraftInput> inputs;
  for (const DraftUpdate& update : updates) {
    Apply(update);
    inputs.push_back({sequences_[update.sequence_id].state.get(), update.token_ids,
                      update.hidden_states, update.hidden_start_position, update.node_budget,
                      update.max_depth, prices});
  }
  std::vector<ProposedTree> trees = model_->Draft(inputs).value();
  std::vector<chimera::Draft>& reply = replies_[++step_];
  for (size_t i = 0; i < updates.size(); ++i) {
    if (updates[i].node_budget == 0) continue;
    chimera::Draft draft;
    draft.sequence_id = updates[i].sequence_id;
    draft.epoch = updates[i].epoch;
    draft.root_position = sequences_[updates[i].sequence_id].next_position - 1;
    draft.token_ids = std::move(trees[i].token_ids);
    draft.parents = std::move(trees[i].parents);
    draft.path_probabilities = std::move(trees[i].path_probabilities);
    draft.sources = std::move(trees[i].sources);
    if (mutator_) mutator_(&draft);
    reply.push_back(std::move(draft));
  }
  return {SendResult::Outcome::kSent, step_};
}

std::optional<std::vector<chimera::Draft>> LocalDraftSource::WaitReply(
    int64_t step, std::chrono::steady_clock::time_point) {
  waited_at_ = step_;
  if (!session_.has_value()) return std::nullopt;
  auto reply = replies_.extract(step);
  replies_.erase(replies_.begin(), replies_.lower_bound(step));
  if (reply.empty()) return std::nullopt;
  if (delay_ == 0) return std::move(reply.mapped());
  discarded_ += static_cast<int64_t>(reply.mapped().size());
  return std::nullopt;
}

bool LocalDraftSource::HasAnswered(int64_t) const { return delay_ == 0 || --delay_ == 0; }

void LocalDraftSource::Restart(int64_t session_id, absl::string_view) {
  if (session_.has_value() && session_->id == session_id) Disconnect();
}

void LocalDraftSource::Close(int64_t session_id, std::span<const int64_t> sequence_ids) {
  if (!session_.has_value() || session_->id != session_id) return;
  for (const int64_t id : sequence_ids) sequences_.erase(id);
}

}  // namespace chimera::testing
