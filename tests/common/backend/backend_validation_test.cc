// What Create, Submit, Wait and Commit refuse.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/common/backend/backend_harness.h"
#include "tests/common/backend/backend_kind.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: the harness
using ::testing::HasSubstr;

class BackendValidationTest : public BackendTest {
 protected:
  BackendValidationTest() : BackendTest({.head_dim = 64, .context_length = 64}) {}

  void SetUp() override {
    BackendTest::SetUp();
    if (IsSkipped()) return;
    backend_ = MakeBackend(*model_, {.page_count = 8, .slot_count = 2, .max_step_rows = 20});
  }

  // Refused with a message about sequence 0, and nothing is started.
  void ExpectRefused(const SequenceStep& step, const char* message) {
    const StepBatch batch = {.sequences = std::span(&step, 1)};
    EXPECT_THAT(backend_->Submit(batch),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
    EXPECT_THAT(backend_->Wait(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("")));
  }

  std::unique_ptr<Backend> backend_;
  const std::vector<int32_t> pages_ = PageTable(4);
  const std::vector<int32_t> chunk_ = {1, 2, 3};
  const TokenTree root_ = TokenTree::RootOnly(1);
};

TEST_P(BackendValidationTest, Limits) {
  const auto create = [&](const BackendLimits& limits) { return kind().create(*model_, limits); };
  const auto is_invalid = [](const char* message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  EXPECT_THAT(create({0, 1, 1}), is_invalid("page_count 0"));
  EXPECT_THAT(create({1, 0, 1}), is_invalid("slot_count 0"));
  EXPECT_THAT(create({1, 1, -1}), is_invalid("max_step_rows -1"));
  CHIMERA_EXPECT_OK(create({1, 1, 1}));
}

TEST_P(BackendValidationTest, HeadDimThatTheKernelsCannotDo) {
  const auto model =
      OpenTinyLlama({.hidden_size = 64, .query_heads = 8, .kv_heads = 2, .head_dim = 8});
  EXPECT_THAT(kind().create(*model, {1, 1, 1}),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("head_dim 8")));
}

TEST_P(BackendValidationTest, Slots) {
  ExpectRefused({.slot = -1, .pages = pages_, .chunk = chunk_}, "sequence 0: slot -1");
  ExpectRefused({.slot = 2, .pages = pages_, .chunk = chunk_}, "slot 2, must be in [0, 2)");
  const SequenceStep steps[] = {{.slot = 1, .pages = pages_, .chunk = chunk_},
                                {.slot = 1, .pages = pages_, .tree = &root_}};
  EXPECT_THAT(backend_->Submit({.sequences = steps}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("slot 1 is used by two")));
}

TEST_P(BackendValidationTest, ChunkOrTree) {
  ExpectRefused({.pages = pages_}, "neither a chunk nor a tree");
  ExpectRefused({.pages = pages_, .chunk = chunk_, .tree = &root_}, "both a chunk and a tree");
}

TEST_P(BackendValidationTest, Positions) {
  ExpectRefused({.pages = pages_, .context_length = -1, .chunk = chunk_}, "context_length -1");
  ExpectRefused({.pages = pages_, .context_length = 62, .chunk = chunk_},
                "rows up to position 64, must be in [0, 64)");
  ExpectRefused({.pages = pages_, .context_length = 64, .tree = &root_}, "context_length 64");
  ExpectRefused(
      {.pages = pages_, .context_length = std::numeric_limits<int32_t>::max(), .chunk = chunk_},
      "context_length 2147483647");
}

TEST_P(BackendValidationTest, Pages) {
  const std::span<const int32_t> one(pages_.data(), 1);
  ExpectRefused({.pages = one, .context_length = 14, .chunk = chunk_},
                "1 pages for 17 positions, must be at least 2");
  ExpectRefused({.pages = one, .context_length = 17, .tree = &root_}, "1 pages for 17 positions");
  const std::vector<int32_t> outside = {0, 8}, negative = {-1};
  ExpectRefused({.pages = outside, .context_length = 14, .chunk = chunk_},
                "page 8, must be in [0, 8)");
  ExpectRefused({.pages = negative, .chunk = chunk_}, "page -1");
  const SequenceStep steps[] = {{.slot = 0, .pages = pages_, .chunk = chunk_},
                                {.slot = 1, .pages = pages_, .chunk = chunk_}};
  EXPECT_THAT(backend_->Submit({.sequences = steps}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page 0 is written twice")));
}

TEST_P(BackendValidationTest, PositionsBeyondThePool) {
  backend_ = MakeBackend(*model_, {.page_count = 1, .slot_count = 1, .max_step_rows = 20});
  const std::vector<int32_t> repeated = {0, 0, 0};
  ExpectRefused({.pages = repeated, .context_length = 40, .tree = &root_},
                "40 positions, must be at most 16");
}

TEST_P(BackendValidationTest, Tokens) {
  const int32_t vocab_size = model_->config().vocab_size;
  const std::vector<int32_t> high = {1, vocab_size}, negative = {-5};
  ExpectRefused({.pages = pages_, .chunk = high}, "token 320, must be in [0, 320)");
  ExpectRefused({.pages = pages_, .chunk = negative}, "token -5");
  const TokenTree tree = TokenTree::RootOnly(vocab_size);
  ExpectRefused({.pages = pages_, .tree = &tree}, "token 320");
}

TEST_P(BackendValidationTest, RowsSamplingAndTaps) {
  const std::vector<int32_t> long_chunk(21, 1);
  ExpectRefused({.pages = pages_, .chunk = long_chunk}, "21 rows, must be at most 20");
  ExpectRefused({.pages = pages_, .chunk = chunk_, .sampling = {.temperature = -1.0f}},
                "temperature");
  const SequenceStep step = {.pages = pages_, .chunk = chunk_};
  for (const std::vector<int32_t>& taps :
       {std::vector<int32_t>{-1}, std::vector<int32_t>{3}, std::vector<int32_t>{1, 1},
        std::vector<int32_t>{2, 0}}) {
    EXPECT_THAT(backend_->Submit({.sequences = std::span(&step, 1), .tapped_layers = taps}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tapped layer")));
  }
}

TEST_P(BackendValidationTest, Commits) {
  RunStep(backend_.get(), SequenceStep{.pages = pages_, .chunk = chunk_});
  const TokenTree tree =
      *TokenTree::Create(std::vector<int32_t>{1, 2, 3}, std::vector<int32_t>{-1, 0, 0}, 320);
  RunStep(backend_.get(), SequenceStep{.pages = pages_, .context_length = 3, .tree = &tree});
  const auto commit = [&](int32_t slot, int32_t context_length, const std::vector<int>& nodes,
                          std::span<const int32_t> pages) {
    const CommitRequest request = {
        .slot = slot, .pages = pages, .context_length = context_length, .nodes = nodes};
    return backend_->Commit(std::span(&request, 1));
  };
  const auto is_invalid = [](const char* message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  EXPECT_THAT(commit(2, 3, {0}, pages_), is_invalid("slot 2"));
  EXPECT_THAT(commit(0, 4, {0}, pages_), is_invalid("context_length 4, must be 3"));
  EXPECT_THAT(commit(1, 0, {0}, pages_), is_invalid("node 0, must be in [0, 0)"));
  EXPECT_THAT(commit(0, 3, {0, 3}, pages_), is_invalid("node 3, must be in [0, 3)"));
  EXPECT_THAT(commit(0, 3, {1}, pages_), is_invalid("node 1, must be a child of -1"));
  EXPECT_THAT(commit(0, 3, {0, 1, 2}, pages_), is_invalid("node 2, must be a child of 1"));
  EXPECT_THAT(commit(0, 3, {0, 2}, {}), is_invalid("0 pages for 5 positions"));
  CHIMERA_EXPECT_OK(commit(0, 3, {0, 2}, pages_));
}

INSTANTIATE_TEST_SUITE_P(Kinds, BackendValidationTest, ::testing::ValuesIn(BackendKinds()),
                         BackendKindName);

}  // namespace
}  // namespace chimera
