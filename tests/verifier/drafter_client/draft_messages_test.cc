#include "verifier/drafter_client/draft_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/status_matchers.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::chimera::testing::TestTarget;
using ::chimera::testing::ValidReady;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DraftMessagesTest, HelloNamesTheTarget) {
  v1::Hello hello;
  WriteHello(TestTarget(), &hello);
  EXPECT_EQ(hello.protocol_version(), 1);
  EXPECT_EQ(FromProto(hello.fingerprint()), TestTarget().fingerprint);
  EXPECT_EQ(hello.hidden_size(), 4);
  EXPECT_EQ(hello.layer_count(), 8);
  EXPECT_EQ(hello.vocab_size(), 100);
}

TEST(DraftMessagesTest, AFittingDrafterIsAccepted) {
  v1::Ready ready = ValidReady().ready();
  CHIMERA_EXPECT_OK(CheckReady(ready, TestTarget(), OtherWeights::kRefuse));
  for (const int layer : {0, 3, 8}) ready.add_tapped_layers(layer);
  ready.set_max_nodes(63);
  CHIMERA_EXPECT_OK(CheckReady(ready, TestTarget(), OtherWeights::kRefuse));
}

TEST(DraftMessagesTest, OtherWeightsAreAcceptedOnlyWhereAllowed) {
  v1::Ready ready = ValidReady().ready();
  ready.mutable_fingerprint()->set_weights("others");
  EXPECT_THAT(CheckReady(ready, TestTarget(), OtherWeights::kRefuse),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--allow_other_weights")));
  CHIMERA_EXPECT_OK(CheckReady(ready, TestTarget(), OtherWeights::kAllow));
}

TEST(DraftMessagesTest, DemandsUpToTheLimitsAreAccepted) {
  v1::Ready ready = ValidReady().ready();
  for (int layer = 0; layer < 8; ++layer) ready.add_tapped_layers(layer);
  ready.set_context_window(std::numeric_limits<int32_t>::max());
  ready.set_max_sequences(std::numeric_limits<int32_t>::max());
  TargetInfo target = TestTarget();
  target.hidden_size = 32 << 10;
  CHIMERA_EXPECT_OK(CheckReady(ready, target, OtherWeights::kRefuse));
  target.hidden_size += 32;
  EXPECT_THAT(CheckReady(ready, target, OtherWeights::kRefuse),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("may have 524288")));
}

TEST(DraftMessagesTest, AnEndlessFingerprintIsCut) {
  v1::Ready ready = ValidReady().ready();
  ready.mutable_fingerprint()->set_identity(std::string(1 << 20, 'x'));
  EXPECT_LT(CheckReady(ready, TestTarget(), OtherWeights::kRefuse).message().size(), 400u);
  ready = ValidReady().ready();
  ready.mutable_fingerprint()->set_weights(std::string(1 << 20, 'x'));
  EXPECT_LT(CheckReady(ready, TestTarget(), OtherWeights::kRefuse).message().size(), 500u);
}

TEST(DraftMessagesTest, AReadyBeginsASession) {
  v1::Ready ready = ValidReady().ready();
  ready.add_tapped_layers(3);
  const DraftSession session = ReadReady(ready, 17);
  EXPECT_EQ(session.id, 17);
  EXPECT_THAT(session.tapped_layers, ElementsAre(3));
  EXPECT_EQ(session.context_window, 128);
  EXPECT_EQ(session.max_sequences, 16);
  EXPECT_EQ(session.max_nodes, 32);
}

struct Misfit {
  std::string problem;
  std::function<void(v1::Ready&)> change;
};

void PrintTo(const Misfit& misfit, std::ostream* stream) { *stream << misfit.problem; }

class MisfitTest : public ::testing::TestWithParam<Misfit> {};

TEST_P(MisfitTest, IsRefusedWhateverIsAllowed) {
  v1::Ready ready = ValidReady().ready();
  GetParam().change(ready);
  for (const OtherWeights other_weights : {OtherWeights::kRefuse, OtherWeights::kAllow}) {
    EXPECT_THAT(CheckReady(ready, TestTarget(), other_weights),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(GetParam().problem)));
  }
}

auto Taps(std::vector<int32_t> layers) {
  return [layers = std::move(layers)](v1::Ready& ready) {
    ready.mutable_tapped_layers()->Assign(layers.begin(), layers.end());
  };
}

INSTANTIATE_TEST_SUITE_P(
    All, MisfitTest,
    ::testing::Values(Misfit{"another model: identity other",
                             [](auto& r) { r.mutable_fingerprint()->set_identity("other"); }},
                      Misfit{"another model: identity ,", [](auto& r) { r.clear_fingerprint(); }},
                      Misfit{"tapped layers [9]", Taps({9})},
                      Misfit{"tapped layers [-1]", Taps({-1})},
                      Misfit{"tapped layers [2, 1]", Taps({2, 1})},
                      Misfit{"tapped layers [1, 1]", Taps({1, 1})},
                      Misfit{"taps 9 layers, may tap at most 8", Taps({0, 1, 2, 3, 4, 5, 6, 7, 8})},
                      Misfit{"dtype 2", [](auto& r) { r.set_dtype(v1::DATA_TYPE_FLOAT32); }},
                      Misfit{"dtype 0", [](auto& r) { r.clear_dtype(); }},
                      Misfit{"context_window is 0", [](auto& r) { r.set_context_window(0); }},
                      Misfit{"max_sequences is -1", [](auto& r) { r.set_max_sequences(-1); }},
                      Misfit{"max_nodes is 0", [](auto& r) { r.set_max_nodes(0); }},
                      Misfit{"max_nodes is 64", [](auto& r) { r.set_max_nodes(64); }}));

TEST(DraftMessagesTest, StepsCarryAllFields) {
  const std::vector<int32_t> token_ids = {5, 6};
  const std::vector<uint16_t> hidden_states(2 * 3 * 4, 9);
  const DraftUpdate update = {.sequence_id = 1,
                              .epoch = 2,
                              .start_position = 3,
                              .token_ids = token_ids,
                              .hidden_start_position = 4,
                              .hidden_states = hidden_states,
                              .sampling = SamplingParams{.seed = 8},
                              .node_budget = 6,
                              .max_depth = 7};
  v1::StepRequest step;
  WriteStep({&update, 1}, {.token_seconds = 0.5f, .node_seconds = 0.25f},
            {.n_tapped = 3, .hidden_size = 4}, &step);
  EXPECT_EQ(step.token_seconds(), 0.5f);
  EXPECT_EQ(step.node_seconds(), 0.25f);
  ASSERT_EQ(step.sequences_size(), 1);
  const v1::SequenceUpdate& proto = step.sequences(0);
  EXPECT_EQ(proto.sequence_id(), 1);
  EXPECT_EQ(proto.epoch(), 2);
  EXPECT_EQ(proto.start_position(), 3);
  EXPECT_THAT(proto.token_ids(), ElementsAre(5, 6));
  EXPECT_EQ(proto.hidden_start_position(), 4);
  EXPECT_THAT(proto.hidden_states().shape(), ElementsAre(2, 3, 4));
  EXPECT_EQ(proto.sampling().seed(), 8u);
  EXPECT_EQ(proto.node_budget(), 6);
  EXPECT_EQ(proto.max_depth(), 7);
}

TEST(DraftMessagesTest, AbsentPartsStayAbsent) {
  const DraftUpdate update = {.sequence_id = 1};
  v1::StepRequest step;
  WriteStep({&update, 1}, {}, {.n_tapped = 0, .hidden_size = 4}, &step);
  EXPECT_FALSE(step.sequences(0).has_sampling());
  EXPECT_FALSE(step.sequences(0).has_hidden_states());
}

TEST(DraftMessagesTest, RepliesAreReadWithoutJudgingTheirTrees) {
  v1::StepReply reply;
  for (const v1::DraftOutcome outcome :
       {v1::DRAFT_OUTCOME_DRAFTED, v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE,
        v1::DRAFT_OUTCOME_OVERLOADED}) {
    reply.add_drafts()->set_outcome(outcome);
  }
  reply.mutable_drafts(0)->set_sequence_id(1);
  reply.mutable_drafts(0)->set_epoch(2);
  reply.mutable_drafts(0)->set_root_position(3);
  reply.mutable_drafts(0)->mutable_tree()->add_token_ids(-5);
  reply.mutable_drafts(0)->mutable_tree()->add_parents(99);
  reply.mutable_drafts(0)->mutable_tree()->add_path_probabilities(-1);
  for (const v1::CandidateSource source :
       {v1::CANDIDATE_SOURCE_NGRAM, v1::CANDIDATE_SOURCE_NETWORK}) {
    reply.mutable_drafts(0)->mutable_tree()->add_sources(source);
  }
  const std::vector<Draft> drafts = ReadReply(reply);
  ASSERT_EQ(drafts.size(), 3u);
  EXPECT_EQ(drafts[0].sequence_id, 1);
  EXPECT_EQ(drafts[0].epoch, 2);
  EXPECT_EQ(drafts[0].root_position, 3);
  EXPECT_EQ(drafts[0].outcome, DraftOutcome::kDrafted);
  EXPECT_THAT(drafts[0].token_ids, ElementsAre(-5));
  EXPECT_THAT(drafts[0].parents, ElementsAre(99));
  EXPECT_THAT(drafts[0].path_probabilities, ElementsAre(-1));
  EXPECT_THAT(drafts[0].sources, ElementsAre(CandidateSource::kNgram, CandidateSource::kNetwork));
  EXPECT_EQ(drafts[1].outcome, DraftOutcome::kUnknownSequence);
  EXPECT_EQ(drafts[2].outcome, DraftOutcome::kOverloaded);
}

TEST(DraftMessagesTest, DraftsOfUnknownOutcomesAreMalformed) {
  for (const int outcome : {0, 4, -1}) {
    v1::StepReply reply;
    reply.add_drafts()->set_outcome(static_cast<v1::DraftOutcome>(outcome));
    EXPECT_EQ(ReadReply(reply)[0].outcome, DraftOutcome::kMalformed);
  }
}

TEST(DraftMessagesTest, DraftsOfUnknownSourcesAreMalformedAndNotCopied) {
  for (const int source : {0, 3, -1}) {
    v1::StepReply reply;
    reply.add_drafts()->set_outcome(v1::DRAFT_OUTCOME_DRAFTED);
    v1::TokenTree* const tree = reply.mutable_drafts(0)->mutable_tree();
    tree->add_token_ids(1);
    tree->add_sources(static_cast<v1::CandidateSource>(source));
    const Draft draft = ReadReply(reply)[0];
    EXPECT_EQ(draft.outcome, DraftOutcome::kMalformed);
    EXPECT_TRUE(draft.token_ids.empty());
    EXPECT_TRUE(draft.sources.empty());
  }
}

TEST(DraftMessagesTest, TreesTooLargeForAnyTargetAreMalformedAndNotCopied) {
  for (const auto add :
       {+[](v1::TokenTree* tree) { tree->add_token_ids(1); },
        +[](v1::TokenTree* tree) { tree->add_parents(0); },
        +[](v1::TokenTree* tree) { tree->add_path_probabilities(1); },
        +[](v1::TokenTree* tree) { tree->add_sources(v1::CANDIDATE_SOURCE_NETWORK); }}) {
    v1::StepReply reply;
    reply.add_drafts()->set_outcome(v1::DRAFT_OUTCOME_DRAFTED);
    v1::TokenTree* const tree = reply.mutable_drafts(0)->mutable_tree();
    for (int node = 0; node < 63; ++node) add(tree);
    EXPECT_EQ(ReadReply(reply)[0].outcome, DraftOutcome::kDrafted);
    add(tree);
    const Draft draft = ReadReply(reply)[0];
    EXPECT_EQ(draft.outcome, DraftOutcome::kMalformed);
    EXPECT_TRUE(draft.token_ids.empty());
    EXPECT_TRUE(draft.parents.empty());
    EXPECT_TRUE(draft.path_probabilities.empty());
    EXPECT_TRUE(draft.sources.empty());
  }
}

}  // namespace
}  // namespace chimera
