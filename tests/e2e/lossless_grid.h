// The promise as a test: the default model through both services, whatever drafts.

#ifndef CHIMERA_TESTS_E2E_LOSSLESS_GRID_H_
#define CHIMERA_TESTS_E2E_LOSSLESS_GRID_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "tests/e2e/draft_models.h"
#include "tests/e2e/e2e_fixture.h"

namespace chimera::testing {

// How a server is set up and used while all requests are decoded once.
struct GridCell {
  int concurrency = 1;
  int32_t prefill_chunk = 256;
  // Few pages make requests interrupt each other.
  bool few_pages = false;
  // Others ask for long replies at the same time, and leave before their end.
  bool disturbed = false;
};

// How much of the grid a test covers. Every prompt is asked greedily, at T = 0.7 with top-p 0.95,
// at T = 1, and at T = 1.2 with top-k, min-p and top-p.
struct GridSize {
  int prompts = 0;
  std::vector<GridCell> cells;
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
  // Of the servers.
  int64_t preemptions = 0;
  int64_t prefix_hit_tokens = 0;
  int64_t canary_replays = 0;
};

// Compares the replies of each cell with the golden ones: those of plain decoding, one request at a
// time, by a process of its own that knows no drafter. Ids, text, finish reason, usage and seed
// must be equal.
class LosslessGrid : public E2eFixture {
 protected:
  static constexpr int32_t kDepth = 5;
  static constexpr int32_t kMaxNodes = 12;
  static constexpr int32_t kMaxTokens = 1 + 3 * (kDepth + 1);

  void SetUp() override;

  // Asks for the golden replies, once per process and number of prompts; first of all.
  void MakeGolden(const GridSize& size);

  // Decodes all requests in every cell, with the drafter that listens and the canary at 100 %. Adds
  // up the evidence of all, and prints it.
  void ExpectLossless();

  // Prompt and golden reply of each request, and a few tokens more.
  KnownSequences GoldenSequences();

  GridEvidence evidence_;

 private:
  std::vector<v1::GenerateRequest> MakeRequests() const;
  std::vector<ClientReply> AskFreshProcess();
  std::vector<ClientReply> DecodeDisturbed(int concurrency);
  // Asks for long replies and leaves, until `done`.
  void Disturb(uint32_t seed, const std::atomic<bool>& done);
  void AddEvidence(const ClientReply& reply);
  void AddServerEvidence();

  GridSize size_;
  std::vector<v1::GenerateRequest> requests_;
  std::vector<ClientReply> golden_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_LOSSLESS_GRID_H_
