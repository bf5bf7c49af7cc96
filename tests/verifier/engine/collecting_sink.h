// Keeps a reply and lets a test wait for its end.

#ifndef CHIMERA_TESTS_VERIFIER_ENGINE_COLLECTING_SINK_H_
#define CHIMERA_TESTS_VERIFIER_ENGINE_COLLECTING_SINK_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "verifier/engine/generation_request.h"

namespace chimera::testing {

// Thread-safe.
class CollectingSink final : public GenerationSink {
 public:
  // `on_tokens`, if given, is called on the engine's thread after each OnTokens.
  explicit CollectingSink(std::function<void()> on_tokens = nullptr)
      : on_tokens_(std::move(on_tokens)) {}

  void OnTokens(std::span<const int32_t> tokens, absl::string_view text) override {
    {
      MutexLock lock(&mutex_);
      tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
      text_.append(text.data(), text.size());
      largest_burst_ = std::max(largest_burst_, tokens.size());
    }
    if (on_tokens_) on_tokens_();
  }

  void OnFinish(const GenerationResult& result) override {
    MutexLock lock(&mutex_);
    result_ = result;
    status_ = absl::OkStatus();
    ended_.NotifyAll();
  }

  void OnError(const absl::Status& status) override {
    MutexLock lock(&mutex_);
    status_ = status;
    ended_.NotifyAll();
  }

  // Waits for the end of the reply and returns how it ended.
  absl::Status Wait() {
    MutexLock lock(&mutex_);
    while (!status_.has_value()) ended_.Wait(&mutex_);
    return *status_;
  }

  std::vector<int32_t> tokens() const {
    MutexLock lock(&mutex_);
    return tokens_;
  }
  std::string text() const {
    MutexLock lock(&mutex_);
    return text_;
  }
  GenerationResult result() const {
    MutexLock lock(&mutex_);
    return result_;
  }
  // Most tokens that came at once.
  size_t largest_burst() const {
    MutexLock lock(&mutex_);
    return largest_burst_;
  }

 private:
  const std::function<void()> on_tokens_;
  mutable Mutex mutex_;
  CondVar ended_;
  std::vector<int32_t> tokens_ ABSL_GUARDED_BY(mutex_);
  std::string text_ ABSL_GUARDED_BY(mutex_);
  size_t largest_burst_ ABSL_GUARDED_BY(mutex_) = 0;
  GenerationResult result_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_ENGINE_COLLECTING_SINK_H_
