// Random messages: the drafter answers each or ends the stream with a status, and never dies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "drafter/draft_conversation.h"
#include "drafter/drafter_server.h"
#include "drafter/ngram_draft_model.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/fake_draft_model.h"
#include "tests/drafter/raw_drafter_stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using testing::FakeDraftModel;
using testing::MakeHello;
using testing::RawDrafterStream;
using testing::TestTarget;

// Makes messages that are mostly right, so that the wrong parts of them are reached.
class MessageMaker {
 public:
  explicit MessageMaker(uint32_t seed) : random_(seed) {}

  v1::DraftRequest Next() {
    v1::DraftRequest request;
    switch (Below(40)) {
      case 0:
        return request;
      case 1:
        return MakeHello();
      case 2:
      case 3:
        for (int i = Below(3); i >= 0; --i) {
          request.mutable_close()->add_sequence_ids(AnyInteger(1 + Below(4)));
        }
        return request;
      default:
        break;
    }
    request.mutable_step()->set_step(AnyInteger(++step_));
    request.mutable_step()->set_token_seconds(AnyPrice(4e-3f));
    request.mutable_step()->set_node_seconds(AnyPrice(2e-4f));
    for (int i = Below(4); i > 0; --i) FillUpdate(request.mutable_step()->add_sequences());
    return request;
  }

  // Another stream begins.
  void Reset() {
    step_ = 0;
    positions_.assign(kSequences, 0);
  }

  int Below(int limit) { return static_cast<int>(random_() % limit); }

 private:
  static constexpr int kSequences = 6;

  // `usual`, or rarely a number that is likely to be wrong.
  int32_t AnyInteger(int64_t usual) {
    if (Below(200) > 0) return static_cast<int32_t>(usual);
    static constexpr int32_t kOdd[] = {-1, 0, 1, 64, 1000, 2147483647, -2147483647 - 1};
    return kOdd[Below(7)];
  }

  // Likewise.
  float AnyPrice(float usual) {
    if (Below(200) > 0) return usual;
    static constexpr float kOdd[] = {0, -1, 1e30f, 1e-40f, INFINITY, NAN};
    return kOdd[Below(6)];
  }

  void FillUpdate(v1::SequenceUpdate* update) {
    const int id = Below(kSequences);
    const bool first = positions_[id] == 0 || Below(20) == 0;
    if (first) {
      ++epoch_;
      positions_[id] = 0;
      ToProto(SamplingParams{.temperature = 1, .seed = 1}, update->mutable_sampling());
      if (Below(100) == 0) update->mutable_sampling()->set_top_p(static_cast<float>(Below(3)));
    }
    update->set_sequence_id(AnyInteger(1 + id));
    update->set_epoch(AnyInteger(first ? epoch_ : epochs_[id]));
    epochs_[id] = first ? epoch_ : epochs_[id];
    update->set_start_position(AnyInteger(positions_[id]));
    const int count = Below(5) + (first ? 1 : 0);
    for (int i = 0; i < count; ++i) update->add_token_ids(AnyInteger(Below(7)));
    if (count > 1 && Below(2) == 0) FillHiddenStates(positions_[id], count - 1, update);
    positions_[id] += count;
    update->set_node_budget(AnyInteger(Below(64)));
    update->set_max_depth(AnyInteger(1 + Below(15)));
  }

  void FillHiddenStates(int32_t position, int rows, v1::SequenceUpdate* update) {
    testing::AddHiddenStates(AnyInteger(position), rows, Below(50) == 0 ? 1 : 2, update);
    if (Below(50) == 0) update->mutable_hidden_states()->mutable_data()->resize(Below(40));
    if (Below(50) == 0) update->mutable_hidden_states()->set_shape(Below(3), AnyInteger(1 << 30));
  }

  std::mt19937 random_;
  int64_t step_ = 0;
  int32_t epoch_ = 0;
  std::vector<int32_t> epochs_ = std::vector<int32_t>(kSequences);
  std::vector<int32_t> positions_ = std::vector<int32_t>(kSequences);
};

TEST(DrafterFuzzTest, TheConversationSurvivesRandomMessages) {
  const TargetInfo target = TestTarget();
  FakeDraftModel model({0, 3});
  SequenceCapacity capacity(4);
  MessageMaker messages(1);
  std::unique_ptr<DraftConversation> conversation;
  int violations = 0, drafts = 0;
  for (int i = 0; i < 10000; ++i) {
    if (conversation == nullptr) {
      conversation = std::make_unique<DraftConversation>(&target, &model, &capacity);
      CHIMERA_ASSERT_OK(conversation->Receive(MakeHello()));
      messages.Reset();
    }
    const v1::DraftRequest request = messages.Next();
    const absl::StatusOr<DraftConversation::Action> action = conversation->Receive(request);
    if (!action.ok()) {
      ASSERT_EQ(action.status().code(), absl::StatusCode::kInvalidArgument) << action.status();
      ++violations;
      conversation = nullptr;
      ASSERT_EQ(capacity.held(), 0);
    } else if (*action == DraftConversation::Action::kDraft) {
      v1::DraftResponse response;
      conversation->WriteReply(model.Draft(conversation->inputs()).value(), &response);
      ASSERT_EQ(response.reply().step(), request.step().step());
      drafts += response.reply().drafts_size();
    }
    ASSERT_LE(capacity.held(), capacity.max_sequences());
  }
  // Both happen often, or the test would show little.
  EXPECT_GT(violations, 500);
  EXPECT_GT(drafts, 5000);
}

TEST(DrafterFuzzTest, TheServerSurvivesRandomMessages) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<DrafterServer> server,
      DrafterServer::Start(DrafterConfig(), TestTarget(), std::make_unique<NgramDraftModel>()));
  MessageMaker messages(2);
  std::unique_ptr<RawDrafterStream> stream;
  int ended = 0;
  for (int i = 0; i < 2000; ++i) {
    if (stream == nullptr) {
      stream = std::make_unique<RawDrafterStream>(server->InProcessChannel());
      ASSERT_TRUE(stream->Exchange(MakeHello()).has_value());
      messages.Reset();
    }
    v1::DraftRequest request = messages.Next();
    if (request.has_step()) {
      // The n-gram model taps no layer.
      for (v1::SequenceUpdate& update : *request.mutable_step()->mutable_sequences()) {
        if (messages.Below(50) > 0) update.clear_hidden_states();
      }
    }
    const bool answered =
        stream->Send(request) && (request.has_close() || stream->Receive().has_value());
    if (answered) continue;
    EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kInvalidArgument);
    stream = nullptr;
    ++ended;
  }
  EXPECT_GT(ended, 50);
}

}  // namespace
}  // namespace chimera
