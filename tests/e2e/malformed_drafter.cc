#include "tests/e2e/malformed_drafter.h"

#include <cmath>
#include <iterator>

namespace chimera::testing {
namespace {

using Spoil = void (*)(int32_t vocab_size, v1::SequenceDraft* draft);

constexpr Spoil kSpoiledDrafts[] = {
    // Two nodes are each other's parents.
    [](int32_t, v1::SequenceDraft* draft) { draft->mutable_tree()->set_parents(0, 2); },
    // A node is its own parent.
    [](int32_t, v1::SequenceDraft* draft) { draft->mutable_tree()->set_parents(1, 2); },
    [](int32_t, v1::SequenceDraft* draft) { draft->mutable_tree()->set_parents(2, -1); },
    [](int32_t, v1::SequenceDraft* draft) { draft->mutable_tree()->set_parents(2, 1 << 30); },
    [](int32_t, v1::SequenceDraft* draft) { draft->mutable_tree()->set_token_ids(1, -5); },
    [](int32_t vocab_size, v1::SequenceDraft* draft) {
      draft->mutable_tree()->set_token_ids(1, vocab_size);
    },
    // Twins.
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->set_parents(1, 0);
      draft->mutable_tree()->set_token_ids(1, draft->tree().token_ids(0));
    },
    // Deeper than was asked for, and than any tree may be.
    [](int32_t, v1::SequenceDraft* draft) { MakeChain(11, 1000, draft->mutable_tree()); },
    [](int32_t, v1::SequenceDraft* draft) { MakeChain(40, 1000, draft->mutable_tree()); },
    // More nodes than was asked for.
    [](int32_t, v1::SequenceDraft* draft) {
      MakeChain(100, 1000, draft->mutable_tree());
      for (int32_t& parent : *draft->mutable_tree()->mutable_parents()) parent = 0;
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->mutable_parents()->RemoveLast();
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->mutable_path_probabilities()->RemoveLast();
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->mutable_sources()->RemoveLast();
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->set_sources(3, v1::CANDIDATE_SOURCE_UNSPECIFIED);
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->set_sources(0, static_cast<v1::CandidateSource>(77));
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->set_path_probabilities(0, std::nanf(""));
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->mutable_tree()->set_path_probabilities(0, 0.5f);  // the children's stay at 1
    },
    [](int32_t, v1::SequenceDraft* draft) { draft->mutable_tree()->set_path_probabilities(0, 2); },
    [](int32_t, v1::SequenceDraft* draft) { draft->set_epoch(draft->epoch() + 1); },
    [](int32_t, v1::SequenceDraft* draft) { draft->set_root_position(draft->root_position() - 1); },
    [](int32_t, v1::SequenceDraft* draft) { draft->set_sequence_id(1 << 20); },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->set_outcome(v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE);
    },
    [](int32_t, v1::SequenceDraft* draft) {
      draft->set_outcome(static_cast<v1::DraftOutcome>(77));
    },
};

// These end the stream: its rules are broken.
using SpoilReply = void (*)(v1::DraftResponse* response);

constexpr SpoilReply kSpoiledReplies[] = {
    [](v1::DraftResponse* response) { response->mutable_reply()->set_step(1 << 20); },
    [](v1::DraftResponse* response) { response->mutable_reply()->clear_drafts(); },
    [](v1::DraftResponse* response) { response->mutable_ready(); },
    [](v1::DraftResponse* response) { response->Clear(); },
};

// One step in so many is answered with a spoiled reply: after each the verifier connects anew, and
// meanwhile decodes plainly.
constexpr int kDraftsPerSpoiledReply = 150;

static_assert(std::size(kSpoiledDrafts) == kSpoiledDraftKinds);

}  // namespace

void MakeChain(int size, int32_t token, v1::TokenTree* tree) {
  tree->Clear();
  for (int node = 0; node < size; ++node) {
    tree->add_token_ids(token + node);
    tree->add_parents(node);
    tree->add_path_probabilities(1.0f);
    tree->add_sources(v1::CANDIDATE_SOURCE_NGRAM);
  }
}

void SpoilDraft(int kind, int32_t vocab_size, v1::SequenceDraft* draft) {
  MakeChain(4, 100, draft->mutable_tree());
  kSpoiledDrafts[kind](vocab_size, draft);
}

v1::DraftResponse FittingReady(const LlamaModel& model) {
  v1::DraftResponse ready;
  ready.mutable_ready()->set_name("malformed");
  ToProto(model.fingerprint(), ready.mutable_ready()->mutable_fingerprint());
  ready.mutable_ready()->set_dtype(v1::DATA_TYPE_BFLOAT16);
  ready.mutable_ready()->set_context_window(8192);
  ready.mutable_ready()->set_max_sequences(64);
  ready.mutable_ready()->set_max_nodes(63);
  return ready;
}

Script MalformedDrafter(const LlamaModel& model) {
  const int32_t vocab_size = model.config().vocab_size;
  // Streams are played one after another, each going on where the last one ended.
  return AfterHandshake(FittingReady(model), [vocab_size, count = 0](DraftStream& stream) mutable {
    v1::DraftRequest request;
    while (stream.Read(&request)) {
      if (!request.has_step()) continue;
      v1::DraftResponse response = ReplyTo(request.step());
      for (v1::SequenceDraft& draft : *response.mutable_reply()->mutable_drafts()) {
        SpoilDraft(count++ % kSpoiledDraftKinds, vocab_size, &draft);
      }
      if (count % kDraftsPerSpoiledReply == 0 && response.reply().drafts_size() > 0) {
        kSpoiledReplies[count / kDraftsPerSpoiledReply % std::size(kSpoiledReplies)](&response);
      }
      if (!stream.Write(response)) break;
    }
    return grpc::Status::OK;
  });
}

}  // namespace chimera::testing
