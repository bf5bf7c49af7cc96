#include "tests/e2e/hostile_drafter.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <limits>
#include <random>

#include "tests/e2e/malformed_drafter.h"
#include "tests/testing/special_values.h"

namespace chimera::testing {
namespace {

// After each the verifier connects anew, 0.1 s later if the stream lasted for a second.
constexpr int kRepliesPerViolation = 300;

constexpr size_t kStaleDrafts = 64;

// What is said on one stream.
class Liar {
 public:
  Liar(int32_t vocab_size, uint64_t seed) : vocab_size_(vocab_size), random_(seed) {}

  v1::DraftResponse Answer(const v1::StepRequest& step) {
    v1::DraftResponse response = ReplyTo(step);
    auto& drafts = *response.mutable_reply()->mutable_drafts();
    for (v1::SequenceDraft& draft : drafts) {
      MakeChain(1 + Pick(4), Pick(vocab_size_ - 4), draft.mutable_tree());
      Distort(&draft);
    }
    std::shuffle(drafts.begin(), drafts.end(), random_);
    // In the place of another one: the number of drafts must be right.
    if (drafts.size() > 1 && Pick(4) == 0) drafts[0] = drafts[1];
    return response;
  }

  // Makes `response` break the rules of the stream. Returns how often to send it.
  int Violate(v1::DraftResponse* response) {
    v1::StepReply* const reply = response->mutable_reply();
    switch (Pick(6)) {
      case 0:
        reply->set_step(reply->step() + 1);  // before its turn
        return 1;
      case 1:
        reply->set_step(AnyNumber());
        return 1;
      case 2:
        return 2;
      case 3:
        for (int i = Pick(3000); i >= 0; --i) reply->add_drafts()->set_sequence_id(i);
        return 1;
      case 4:
        *response = ValidReady();
        return 1;
      default:
        response->Clear();
        return 1;
    }
  }

  bool IsTimeForViolation() { return ++replies_ == kRepliesPerViolation; }

 private:
  void Distort(v1::SequenceDraft* draft) {
    switch (Pick(5)) {
      case 0:
        Remember(*draft);
        return;
      case 1:
        SpoilDraft(Pick(kSpoiledDraftKinds), vocab_size_, draft);
        return;
      case 2:
        return MakeRandomTree(draft->mutable_tree());
      case 3:
        return FalsifyHeader(draft);
      default:
        if (!stale_.empty()) *draft = stale_[Pick(static_cast<int>(stale_.size()))];
    }
  }

  void Remember(const v1::SequenceDraft& draft) {
    stale_.push_back(draft);
    if (stale_.size() > kStaleDrafts) stale_.pop_front();
  }

  // Arrays of numbers that mean something, or nothing, or of different lengths.
  void MakeRandomTree(v1::TokenTree* tree) {
    tree->Clear();
    const int size = Pick(70);
    const bool plausible = Pick(2) == 0;
    for (int i = 0; i < size; ++i) {
      tree->add_token_ids(plausible ? Pick(vocab_size_) : AnyNumber());
      tree->add_parents(plausible ? Pick(i + 1) : AnyNumber());
      tree->add_path_probabilities(plausible ? 0.5f : AnyProbability());
      tree->add_sources(static_cast<v1::CandidateSource>(plausible ? 1 + Pick(2) : AnyNumber()));
    }
    if (Pick(4) == 0) tree->add_parents(0);
  }

  void FalsifyHeader(v1::SequenceDraft* draft) {
    switch (Pick(4)) {
      case 0:
        return draft->set_epoch(AnyNumber());
      case 1:
        return draft->set_root_position(AnyNumber());
      case 2:
        return draft->set_sequence_id(Pick(2) == 0 ? AnyNumber() : draft->sequence_id() + 1);
      default:
        // Not those of a drafter that refuses: it would not be asked again for a while.
        return draft->set_outcome(static_cast<v1::DraftOutcome>(Pick(2) == 0 ? 0 : 4 + Pick(99)));
    }
  }

  int Pick(int count) { return static_cast<int>(random_() % static_cast<uint64_t>(count)); }

  int32_t AnyNumber() {
    const int32_t numbers[] = {std::numeric_limits<int32_t>::min(),
                               std::numeric_limits<int32_t>::max(),
                               -1,
                               0,
                               1,
                               vocab_size_ - 1,
                               vocab_size_,
                               Pick(1 << 16)};
    return numbers[Pick(std::size(numbers))];
  }

  float AnyProbability() {
    const float numbers[] = {std::numeric_limits<float>::quiet_NaN(),
                             kInfinity,
                             -kInfinity,
                             std::numeric_limits<float>::denorm_min(),
                             -0.0f,
                             1.0f,
                             -1.0f,
                             1.5f};
    return numbers[Pick(std::size(numbers))];
  }

  const int32_t vocab_size_;
  std::mt19937_64 random_;
  std::deque<v1::SequenceDraft> stale_;
  int replies_ = 0;
};

}  // namespace

HostileDrafter::HostileDrafter(const Address& address, const LlamaModel& model, uint64_t seed)
    : vocab_size_(model.config().vocab_size),
      seed_(seed),
      server_(address, AfterHandshake(FittingReady(model),
                                      [this](DraftStream& stream) { return Play(stream); })) {}

grpc::Status HostileDrafter::Play(DraftStream& stream) {
  Liar liar(vocab_size_, seed_ + streams_++);
  v1::DraftRequest request;
  bool violated = false;
  while (stream.Read(&request)) {
    // The verifier may have asked more before it sees the violation.
    if (!request.has_step() || violated) continue;
    v1::DraftResponse response = liar.Answer(request.step());
    int times = 1;
    if (liar.IsTimeForViolation()) {
      violated = true;
      ++violations_;
      times = liar.Violate(&response);
    }
    drafts_ += response.reply().drafts_size();
    for (int i = 0; i < times; ++i) {
      if (!stream.Write(response)) return grpc::Status::OK;
    }
  }
  return grpc::Status::OK;
}

}  // namespace chimera::testing
