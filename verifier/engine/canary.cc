#include "verifier/engine/canary.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/philox.h"

namespace chimera {
namespace {

// Compares a reply with an earlier one as it grows.
class ComparingSink final : public GenerationSink {
 public:
  ComparingSink(std::string request_id, std::vector<int32_t> expected, FinishReason finish_reason,
                CanaryMetrics* metrics)
      : request_id_(std::move(request_id)),
        expected_(std::move(expected)),
        finish_reason_(finish_reason),
        metrics_(*metrics) {}

  void OnTokens(std::span<const int32_t> tokens, absl::string_view) override {
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  }

  void OnFinish(const GenerationResult& result) override {
    metrics_.replays.Increment();
    if (tokens_ == expected_ && result.finish_reason == finish_reason_) return;
    metrics_.mismatches.Increment();
    const auto differing = std::ranges::mismatch(tokens_, expected_).in1;
    LogError("a reply differs from plain decoding request_id={} first_differing_token={}",
             request_id_, differing - tokens_.begin());
  }

  void OnError(const absl::Status&) override { metrics_.skipped.Increment(); }

 private:
  const std::string request_id_;
  const std::vector<int32_t> expected_;
  const FinishReason finish_reason_;
  CanaryMetrics& metrics_;
  std::vector<int32_t> tokens_;
};

}  // namespace

std::optional<QueuedRequest> Canary::Draw(const Sequence& finished) {
  const uint64_t number = finished_count_++;
  const PhiloxKey counter_words = MakePhiloxKey(number);
  const uint32_t word =
      Philox4x32({counter_words[0], counter_words[1], 0, 0}, MakePhiloxKey(seed_))[0];
  if (word >= fraction_ * 4294967296.0) return std::nullopt;
  QueuedRequest canary;
  canary.purpose = RequestPurpose::kCanary;
  canary.request = finished.request;
  canary.request.speculation.enabled = false;
  // No user's request has this id, and nobody can cancel it.
  canary.request.id.clear();
  const auto reply = finished.tokens.begin() + finished.prompt_size();
  canary.sink = std::make_shared<ComparingSink>(finished.request.id,
                                                std::vector<int32_t>(reply, finished.tokens.end()),
                                                finished.result.finish_reason, metrics_);
  return canary;
}

}  // namespace chimera
