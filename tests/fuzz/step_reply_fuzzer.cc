// Any bytes as what a drafter sends: a message that ends the stream, or drafts of which every tree
// is refused or one that may be verified.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chimera/v1/drafter_service.pb.h"
#include "common/base/check.h"
#include "common/model/target_info.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/proto_input.h"
#include "tests/verifier/engine/test_sequence.h"
#include "verifier/drafter_client/draft_messages.h"
#include "verifier/drafter_client/reply_book.h"
#include "verifier/engine/draft_validation.h"

namespace chimera::testing {
namespace {

constexpr int32_t kVocabSize = 100;

// The drafts that the steps of the session asked for; step 1 is the first.
constexpr size_t kAsked[] = {1, 2, 0, 4, 3};

const TargetInfo& Target() {
  static const TargetInfo* const target = new TargetInfo{
      .fingerprint = {.identity = std::string(64, 'a'), .weights = std::string(64, 'b')},
      .hidden_size = 4096,
      .layer_count = 32,
      .vocab_size = kVocabSize};
  return *target;
}

// The limits of drafter_service.proto.
void TryReady(const v1::Ready& ready) {
  for (const OtherWeights other : {OtherWeights::kRefuse, OtherWeights::kAllow}) {
    const absl::Status status = CheckReady(ready, Target(), other);
    if (!status.ok()) {
      CHIMERA_CHECK(status.code() == absl::StatusCode::kFailedPrecondition) << status;
      continue;
    }
    const DraftSession session = ReadReady(ready, /*session_id=*/1);
    CHIMERA_CHECK(ready.fingerprint().identity() == Target().fingerprint.identity);
    CHIMERA_CHECK(other == OtherWeights::kAllow ||
                  ready.fingerprint().weights() == Target().fingerprint.weights);
    const std::vector<int32_t>& taps = session.tapped_layers;
    CHIMERA_CHECK(taps.size() <= 8 && taps.size() * 4096 * 2 <= size_t{512} << 10);
    CHIMERA_CHECK(std::adjacent_find(taps.begin(), taps.end(), std::greater_equal<>()) ==
                  taps.end());
    CHIMERA_CHECK(taps.empty() || (taps.front() >= 0 && taps.back() <= 32));
    CHIMERA_CHECK(session.context_window > 0 && session.max_sequences > 0);
    CHIMERA_CHECK(session.max_nodes >= 1 && session.max_nodes <= 63);
  }
}

// Decodes at position 6 of epoch 2 and awaits a draft; each sequence allows another size.
std::unique_ptr<Sequence> MakeSequence(int64_t id) {
  constexpr int32_t kNodeBudgets[] = {63, 8, 4, 1};
  constexpr int32_t kDepths[] = {15, 5, 2, 1};
  std::unique_ptr<Sequence> sequence = MakeTestSequence(id, 6);
  Advance(sequence.get(), 6);
  sequence->draft.epoch = 2;
  sequence->draft.node_budget = kNodeBudgets[id % 4];
  sequence->draft.max_depth = kDepths[id % 4];
  return sequence;
}

// Whether the arrays are a tree that `sequence` may verify, by the words of token_tree.proto.
bool IsValidTree(const v1::TokenTree& tree, const Sequence& sequence) {
  const int size = tree.token_ids_size();
  if (tree.parents_size() != size || tree.path_probabilities_size() != size ||
      tree.sources_size() != size) {
    return false;
  }
  if (size > 63 || size > sequence.draft.node_budget) return false;
  std::vector<int> depths = {0};
  std::set<std::pair<int32_t, int32_t>> children;
  float previous = 1.0f;
  for (int i = 0; i < size; ++i) {
    const int32_t token = tree.token_ids(i);
    const int32_t parent = tree.parents(i);
    const float probability = tree.path_probabilities(i);
    const int source = tree.sources(i);
    if (source != v1::CANDIDATE_SOURCE_NETWORK && source != v1::CANDIDATE_SOURCE_NGRAM)
      return false;
    if (token < 0 || token >= kVocabSize || parent < 0 || parent > i) return false;
    if (!children.insert({parent, token}).second) return false;
    if (!(probability >= 0.0f) || !(probability <= previous)) return false;
    previous = probability;
    depths.push_back(depths[parent] + 1);
    if (depths.back() > 15 || depths.back() > sequence.draft.max_depth) return false;
  }
  return true;
}

void CheckTree(const TokenTree& tree, const v1::TokenTree& proto, const Sequence& sequence) {
  CHIMERA_CHECK(tree.size() == proto.token_ids_size() + 1);
  CHIMERA_CHECK(tree.token(0) == sequence.tokens.back() && tree.parent(0) == -1);
  for (int node = 1; node < tree.size(); ++node) {
    CHIMERA_CHECK(tree.token(node) == proto.token_ids(node - 1));
    CHIMERA_CHECK(tree.parent(node) == proto.parents(node - 1));
    CHIMERA_CHECK(tree.ancestors(node) ==
                  (tree.ancestors(tree.parent(node)) | uint64_t{1} << node));
  }
}

void TryDraft(const Draft& draft, const v1::SequenceDraft& proto, int64_t sequence_id) {
  CHIMERA_CHECK(draft.sequence_id == proto.sequence_id() && draft.epoch == proto.epoch() &&
                draft.root_position == proto.root_position());
  CHIMERA_CHECK(draft.token_ids.size() <= 63 && draft.parents.size() <= 63 &&
                draft.path_probabilities.size() <= 63 && draft.sources.size() <= 63);
  const std::unique_ptr<Sequence> sequence = MakeSequence(sequence_id);
  const bool fresh = proto.epoch() == 2 && proto.root_position() == 6;
  const bool valid =
      proto.outcome() == v1::DRAFT_OUTCOME_DRAFTED && fresh && IsValidTree(proto.tree(), *sequence);
  const absl::StatusOr<TokenTree> tree = ValidateDraft(draft, *sequence, kVocabSize);
  CHIMERA_CHECK(tree.ok() == valid) << tree.status() << "\n" << proto.DebugString();
  if (tree.ok()) return CheckTree(*tree, proto.tree(), *sequence);
  // Late is another fault than wrong. What was not copied is wrong, late or not.
  const bool late = draft.outcome == DraftOutcome::kDrafted && !fresh;
  CHIMERA_CHECK(tree.status().code() ==
                (late ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kInvalidArgument))
      << tree.status();
}

// A book in its second session, of which the steps before `step` are answered.
ReplyBook MakeBook(int64_t step) {
  const ReplyBook::TimePoint now = {};
  ReplyBook book;
  book.AddStep(5, now);
  book.StartSession();
  for (const size_t count : kAsked) book.AddStep(count, now);
  for (int64_t i = 1; i < step; ++i) book.AddReply(std::vector<Draft>(kAsked[i - 1]));
  return book;
}

void TryReply(const v1::StepReply& reply, size_t input_bytes) {
  constexpr int64_t kLast = std::size(kAsked);
  const bool known = reply.step() >= 1 && reply.step() <= kLast;
  const int64_t step = known ? reply.step() : 1;
  const size_t asked = kAsked[step - 1];
  const auto count = static_cast<size_t>(reply.drafts_size());
  ReplyBook book = MakeBook(step);
  const size_t unanswered = book.unanswered();
  std::optional<std::vector<Draft>> drafts;
  {
    const AllocationLimit limit(input_bytes);
    const absl::Status status = book.CheckReply(reply.step(), count);
    CHIMERA_CHECK(status.ok() == (known && count == asked)) << status;
    if (!status.ok()) return;
    book.AddReply(ReadReply(reply));
    // Steps are numbered on from the session before, which had one.
    drafts = book.Take(step + 1);
  }
  CHIMERA_CHECK(book.unanswered() == unanswered - 1);
  CHIMERA_CHECK(drafts.has_value() == (asked > 0));
  CHIMERA_CHECK(!book.Take(step + 1).has_value()) << "taken twice";
  if (!drafts.has_value()) return;
  CHIMERA_CHECK(drafts->size() == count);
  for (size_t i = 0; i < count; ++i) {
    TryDraft((*drafts)[i], reply.drafts(static_cast<int>(i)), static_cast<int64_t>(i));
  }
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace chimera::testing;  // NOLINT: half of it is used
  chimera::v1::DraftResponse response;
  if (!ReadTextOrWire(AsText(data, size), &response)) return 0;
  if (response.has_ready()) TryReady(response.ready());
  if (response.has_reply()) TryReply(response.reply(), size);
  return 0;
}
