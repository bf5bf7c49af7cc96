// A coordinator with fake drafters and sequences that go on without a model.

#ifndef CHIMERA_TESTS_VERIFIER_ENGINE_DRAFT_FIXTURE_H_
#define CHIMERA_TESTS_VERIFIER_ENGINE_DRAFT_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tests/testing/fake_clock.h"
#include "tests/verifier/engine/fake_draft_source.h"
#include "tests/verifier/engine/test_sequence.h"
#include "verifier/engine/draft_coordinator.h"

namespace chimera::testing {

// Plays the engine: all but the forward pass.
class DraftFixture : public ::testing::Test {
 protected:
  static constexpr int32_t kPromptChunk = 100;

  explicit DraftFixture(int32_t hidden_size = 4)
      : hidden_size_(hidden_size), first_(hidden_size), second_(hidden_size) {}

  static DraftSession Session(std::vector<int32_t> layers = {}, int32_t window = 4096) {
    return {.tapped_layers = std::move(layers),
            .context_window = window,
            .max_sequences = 4096,
            .max_nodes = 8};
  }

  Sequence* AddSequence(int32_t prompt_size) {
    sequences_.push_back(MakeTestSequence(++last_id_, prompt_size));
    return sequences_.back().get();
  }

  // A step in which every sequence that decodes gets so many tokens.
  void Step(int32_t tokens = 1) {
    coordinator_.Refresh();
    coordinator_.CollectDrafts(Active(), 0);
    for (const auto& sequence : sequences_) {
      const int32_t left = sequence->prompt_size() - sequence->context_length;
      Verify(sequence.get(), left > 0 ? std::min(left, kPromptChunk) : tokens);
    }
    coordinator_.SendNews(Active(), 0);
  }

  void Steps(int count) {
    for (int i = 0; i < count; ++i) Step();
  }

  // Steps until the prompt is read and the drafter knows it.
  void StepUntilUpToDate(const Sequence& sequence) {
    for (int steps = 0; sequence.prefilling() || !sequence.draft.up_to_date; ++steps) {
      ASSERT_LT(steps, 1000);
      Step();
    }
  }

  // Expects that a drafter knows the context of a sequence to its end, and its hidden states from
  // position `first_row` on.
  void ExpectKnown(const FakeDraftSource& source, const Sequence& sequence, int32_t first_row = 0) {
    ASSERT_TRUE(source.known.contains(sequence.id));
    const FakeDraftSource::Known& known = source.known.at(sequence.id);
    EXPECT_EQ(known.end(), static_cast<int32_t>(sequence.tokens.size()));
    for (int32_t position = known.start; position < known.end(); ++position) {
      ASSERT_EQ(known.tokens[position - known.start], TestToken(sequence.id, position));
    }
    const std::vector<int32_t> layers = source.Session()->tapped_layers;
    if (layers.empty()) return;
    ASSERT_FALSE(known.rows.empty());
    EXPECT_EQ(known.rows.begin()->first, first_row);
    EXPECT_EQ(known.rows.rbegin()->first, sequence.context_length - 1);
    for (const auto& [position, row] : known.rows) {
      ASSERT_EQ(row, TestRow(sequence.id, position, layers, hidden_size_)) << position;
    }
  }

  const int32_t hidden_size_;
  FakeClock clock_;
  FakeDraftSource first_, second_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  DraftCoordinator coordinator_{
      {&first_, &second_}, TestConfig(hidden_size_), DraftOptions(), &clock_};

 private:
  std::vector<Sequence*> Active() const {
    std::vector<Sequence*> active;
    for (const auto& sequence : sequences_) active.push_back(sequence.get());
    return active;
  }

  void Verify(Sequence* sequence, int32_t positions) {
    const auto layers = coordinator_.tapped_layers();
    for (int32_t i = 0; i < positions && !layers.empty(); ++i) {
      const int32_t position = sequence->context_length + i;
      coordinator_.RecordHidden(sequence, position,
                                TestRow(sequence->id, position, layers, hidden_size_));
    }
    Advance(sequence, positions);
  }

  int64_t last_id_ = 0;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_ENGINE_DRAFT_FIXTURE_H_
