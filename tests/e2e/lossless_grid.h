// The promise as a test: the default model through both services, whatever drafts.

#ifndef CHIMERA_TESTS_E2E_LOSSLESS_GRID_H_
#define CHIMERA_TESTS_E2E_LOSSLESS_GRID_H_

#include <cstdint>
#include <vector>

#include "tests/e2e/draft_models.h"
#include "tests/e2e/e2e_fixture.h"

namespace chimera::testing {

// How much of the grid a test covers. Every prompt is asked greedily, at T = 0.7 with top-p 0.95,
// and at T = 1; every cell is a concurrency and a size of prefill chunks.
struct GridSize {
  int prompts = 0;
  std::vector<int> concurrencies;
  std::vector<int32_t> prefill_chunks;
};

// What speculation did, over the replies of a cell.
struct GridEvidence {
  int64_t draft_nodes = 0;
  // Over the replies that max_tokens ended.
  int64_t full_steps = 0;
  int64_t full_tokens = 0;  // without the first token of each, which no step of a tree chose
  // Replies whose last token was accepted behind other candidates of the same step, by their end.
  int64_t eos_inside_path = 0;
  int64_t stop_string_inside_path = 0;
  int64_t max_tokens_inside_path = 0;
};

// Compares the replies of each cell with the golden ones: those of plain decoding, one request at a
// time, by a process of its own that knows no drafter. Ids, text, finish reason, usage and seed must
// be equal.
class LosslessGrid : public E2eFixture {
 protected:
  static constexpr int32_t kDepth = 5;
  static constexpr int32_t kMaxNodes = 12;
  static constexpr int32_t kMaxTokens = 1 + 3 * (kDepth + 1);

  void SetUp() override;

  // Asks for the golden replies, once per process and number of prompts; first of all.
  void MakeGolden(const GridSize& size);

  // Decodes all requests in every cell, with the drafter that listens. Adds up the evidence of all,
  // and prints it.
  void ExpectLossless();

  // Prompt and golden reply of each request, and a few tokens more.
  KnownSequences GoldenSequences();

  GridEvidence evidence_;

 private:
  std::vector<v1::GenerateRequest> MakeRequests() const;
  std::vector<ClientReply> AskFreshProcess();
  void AddEvidence(const ClientReply& reply);

  GridSize size_;
  std::vector<v1::GenerateRequest> requests_;
  std::vector<ClientReply> golden_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_LOSSLESS_GRID_H_
