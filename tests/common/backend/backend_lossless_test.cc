// Speculation on equals speculation off, token by token, and broken backends are noticed.

#include <gtest/gtest.h>

#include "tests/common/backend/backend_kind.h"
#include "tests/common/backend/speculative_loop.h"
#include "tests/testing/faulty_backend.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: the harness

constexpr int kDepth = 4;

const SamplingParams kSamplings[] = {{.temperature = 0.0f},
                                     {.temperature = 0.7f, .top_p = 0.95f, .seed = 3},
                                     {.temperature = 1.0f, .seed = 4}};

class BackendLosslessTest : public BackendTest {
 protected:
  BackendLosslessTest() : BackendTest({.head_dim = 64, .seed = 2}) {
    std::mt19937 random(8);
    prompt_ = RandomTokens(21, vocab_size(), &random);
  }

  int32_t vocab_size() const { return model_->config().vocab_size; }

  Generation Run(BackendFault fault, const SamplingParams& sampling, const DraftFunction& draft) {
    FaultyBackend backend(MakeBackend(*model_), fault);
    return Generate(&backend, prompt_, sampling, token_count_, draft);
  }

  // The next tokens of `truth`, each behind a sibling that is wrong.
  DraftFunction DraftTruth(const std::vector<int32_t>& truth) const {
    return [this, &truth](int32_t root, const std::vector<int32_t>& generated) {
      std::vector<int32_t> tokens = {root}, parents = {-1};
      int32_t parent = 0;
      for (size_t i = generated.size(); i < truth.size() && i < generated.size() + kDepth; ++i) {
        tokens.push_back((truth[i] + 1) % vocab_size());
        tokens.push_back(truth[i]);
        parents.insert(parents.end(), 2, parent);
        parent = static_cast<int32_t>(tokens.size()) - 1;
      }
      return *TokenTree::Create(tokens, parents, vocab_size());
    };
  }

  std::vector<int32_t> prompt_;
  int token_count_ = Rounds(120, 16);
};

// Negative controls: what the others compare would differ if the backend were broken, and do so
// soon.
class BrokenBackendTest : public BackendLosslessTest {
 protected:
  BrokenBackendTest() { token_count_ = Rounds(40, 16); }
};

TEST_P(BackendLosslessTest, TheTrueContinuationIsAcceptedWhole) {
  for (const SamplingParams& sampling : kSamplings) {
    const Generation plain = Run(BackendFault::kNone, sampling, DraftNothing);
    const Generation drafted = Run(BackendFault::kNone, sampling, DraftTruth(plain.tokens));
    EXPECT_EQ(drafted.tokens, plain.tokens);
    EXPECT_LE(drafted.steps, (token_count_ - 1) / (kDepth + 1) + 1);
  }
}

TEST_P(BackendLosslessTest, RandomTreesChangeNothing) {
  for (const SamplingParams& sampling : kSamplings) {
    const Generation plain = Run(BackendFault::kNone, sampling, DraftNothing);
    std::mt19937 random(17);
    const Generation drafted =
        Run(BackendFault::kNone, sampling, [&](int32_t root, const std::vector<int32_t>&) {
          return RandomTree(1 + static_cast<int>(random() % Rounds(30, 12)), root, vocab_size(),
                            &random);
        });
    EXPECT_EQ(drafted.tokens, plain.tokens);
  }
}

TEST_P(BrokenBackendTest, VisibleSiblingsAndCommitsThatAreOffByOneAreNoticed) {
  for (const SamplingParams& sampling : kSamplings) {
    const Generation plain = Run(BackendFault::kNone, sampling, DraftNothing);
    for (const BackendFault fault :
         {BackendFault::kSiblingVisible, BackendFault::kCommitOffByOne}) {
      const Generation drafted = Run(fault, sampling, DraftTruth(plain.tokens));
      EXPECT_NE(drafted.tokens, plain.tokens);
    }
  }
}

TEST_P(BrokenBackendTest, NoiseIndexedByRowIsNoticed) {
  for (const SamplingParams& sampling : kSamplings) {
    if (sampling.greedy()) continue;  // has no noise
    const Generation plain = Run(BackendFault::kNoiseByRow, sampling, DraftNothing);
    const Generation drafted = Run(BackendFault::kNoiseByRow, sampling, DraftTruth(plain.tokens));
    EXPECT_NE(drafted.tokens, plain.tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, BackendLosslessTest, ::testing::ValuesIn(BackendKinds()),
                         BackendKindName);
INSTANTIATE_TEST_SUITE_P(Kinds, BrokenBackendTest, ::testing::ValuesIn(BackendKinds()),
                         BackendKindName);

}  // namespace
}  // namespace chimera
