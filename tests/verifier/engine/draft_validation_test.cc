#include "verifier/engine/draft_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include "tests/testing/status_matchers.h"
#include "tests/verifier/engine/test_sequence.h"

namespace chimera::testing {
namespace {

using ::testing::HasSubstr;

constexpr int32_t kVocabSize = 100;

// Decodes at position 6 of epoch 2, and awaits four nodes no deeper than two.
std::unique_ptr<Sequence> MakeSequence() {
  std::unique_ptr<Sequence> sequence = MakeTestSequence(1, 6);
  Advance(sequence.get(), 6);
  sequence->draft.epoch = 2;
  sequence->draft.node_budget = 4;
  sequence->draft.max_depth = 2;
  return sequence;
}

Draft MakeDraft() {
  return {
      .sequence_id = 1,
      .epoch = 2,
      .root_position = 6,
      .token_ids = {10, 11, 12},
      .parents = {0, 0, 1},
      .path_probabilities = {0.5f, 0.25f, 0.25f},
      .sources = {CandidateSource::kNetwork, CandidateSource::kNgram, CandidateSource::kNetwork}};
}

TEST(DraftValidationTest, PutsTheNewestTokenInFrontOfAValidDraft) {
  const std::unique_ptr<Sequence> sequence = MakeSequence();
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenTree tree,
                               ValidateDraft(MakeDraft(), *sequence, kVocabSize));
  ASSERT_EQ(tree.size(), 4);
  EXPECT_EQ(tree.token(0), TestToken(1, 6));
  EXPECT_EQ(tree.token(3), 12);
  EXPECT_EQ(tree.parent(3), 1);
  EXPECT_EQ(tree.depth(3), 2);
}

TEST(DraftValidationTest, AnEmptyDraftIsTheRootAlone) {
  const Draft empty = {.sequence_id = 1, .epoch = 2, .root_position = 6};
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenTree tree,
                               ValidateDraft(empty, *MakeSequence(), kVocabSize));
  EXPECT_EQ(tree.size(), 1);
}

struct Fault {
  std::string problem;
  std::function<void(Draft&)> make;
};

void PrintTo(const Fault& fault, std::ostream* stream) { *stream << fault.problem; }

TEST(ValidateDraftTest, RefusesWhatIsForAnotherState) {
  Draft draft = MakeDraft();
  draft.epoch = 1;
  EXPECT_THAT(
      ValidateDraft(draft, *MakeSequence(), kVocabSize),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("epoch 1, must be at 6 of 2")));
  draft = MakeDraft();
  draft.root_position = 5;
  EXPECT_THAT(ValidateDraft(draft, *MakeSequence(), kVocabSize),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("position 5")));
}

class FaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultTest, IsRefused) {
  Draft draft = MakeDraft();
  GetParam().make(draft);
  EXPECT_THAT(ValidateDraft(draft, *MakeSequence(), kVocabSize),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    All, FaultTest,
    ::testing::Values(Fault{"not a draft", [](Draft& d) { d.outcome = DraftOutcome::kMalformed; }},
                      Fault{"2 parents", [](Draft& d) { d.parents.pop_back(); }},
                      Fault{"2 probabilities", [](Draft& d) { d.path_probabilities.pop_back(); }},
                      Fault{"2 sources", [](Draft& d) { d.sources.pop_back(); }},
                      Fault{"5 nodes, may have 4",
                            [](Draft& d) {
                              d.token_ids = {1, 2, 3, 4, 5};
                              d.parents = {0, 0, 0, 0, 0};
                              d.path_probabilities.assign(5, 0.1f);
                              d.sources.assign(5, CandidateSource::kNgram);
                            }},
                      Fault{"depth 3, may have 2",
                            [](Draft& d) {
                              d.parents = {0, 1, 2};
                            }},
                      Fault{"probability 0.5 after 0.25",
                            [](Draft& d) {
                              d.path_probabilities = {0.25f, 0.5f, 0.1f};
                            }},
                      Fault{"probability 1.5", [](Draft& d) { d.path_probabilities[0] = 1.5f; }},
                      Fault{"probability -", [](Draft& d) { d.path_probabilities[2] = -0.5f; }},
                      Fault{"probability nan",
                            [](Draft& d) { d.path_probabilities[1] = std::nanf(""); }},
                      Fault{"node 1 has token 100,", [](Draft& d) { d.token_ids[0] = kVocabSize; }},
                      Fault{"node 1 has token -3,", [](Draft& d) { d.token_ids[0] = -3; }},
                      Fault{"3",
                            [](Draft& d) {
                              d.parents = {0, 0, 3};
                            }},
                      Fault{"node 2 repeats token 10", [](Draft& d) { d.token_ids[1] = 10; }}));

}  // namespace
}  // namespace chimera::testing
