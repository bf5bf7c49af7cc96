// The connection to one drafter over gRPC.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFTER_LINK_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFTER_LINK_H_

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "chimera/v1/drafter_service.grpc.pb.h"
#include "common/base/mutex.h"
#include "common/metrics/verifier_metrics.h"
#include "verifier/drafter_client/backoff.h"
#include "verifier/drafter_client/draft_call.h"
#include "verifier/drafter_client/draft_messages.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/drafter_client/outgoing_queue.h"
#include "verifier/drafter_client/reply_book.h"

namespace chimera {

// What a link needs to know. Constant.
struct DrafterLinkConfig {
  std::string address;  // for people: logs and Status
  TargetInfo target;
  OtherWeights other_weights = OtherWeights::kRefuse;
  Backoff::Limits backoff = {};
  // From the start of an attempt to the drafter's Ready.
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(5);
  // Send finds the queue full at either bound, until the drafter catches up.
  size_t max_unanswered_steps = 256;
  size_t max_queued_bytes = 64 << 20;
};

// Makes a fresh channel to the drafter; called for every attempt to connect, on the link's thread.
// Returns a channel of CreateChannel or ServerRunner::InProcessChannel.
using ChannelFactory = std::function<std::shared_ptr<grpc::Channel>()>;

// Keeps one stream of v1::DrafterService/Draft open, and opens it again with back-off whenever it
// ends, for whatever reason. A drafter that does not fit the target is refused, and asked again at
// the longest delay. Thread rules: see DraftSource.
//
// A thread of its own polls the completion queue and drives the stream:
//
//   kWaiting --delay over--> kConnecting --Ready--> kReady
//      ^                         |                    |
//      +-- all operations done --+-- kEnding <--------+   stream broken, or its rules
//
// A step is written by the thread that sends it, so that it need not wake another one first.
class DrafterLink final : public DraftSource {
 public:
  // Starts connecting. The registry behind `metrics` must outlive the link.
  DrafterLink(DrafterLinkConfig config, ChannelFactory make_channel, LinkMetrics metrics);
  // Cancels the stream and returns once its operations have ended, without waiting for the drafter.
  ~DrafterLink() override;
  DrafterLink(const DrafterLink&) = delete;
  DrafterLink& operator=(const DrafterLink&) = delete;

  std::optional<DraftSession> Session() const override;
  SendResult Send(int64_t session_id, std::span<const DraftUpdate> updates,
                  const DraftPrices& prices) override;
  std::optional<std::vector<Draft>> WaitReply(
      int64_t step, std::chrono::steady_clock::time_point deadline) override;
  bool HasAnswered(int64_t step) const override;
  void Restart(int64_t session_id, absl::string_view reason) override;
  void Close(int64_t session_id, std::span<const int64_t> sequence_ids) override;
  void CountDraft(bool used) override;
  DraftSourceStatus Status() const override;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Phase { kWaiting, kConnecting, kReady, kEnding };

  void Run();
  void OnTimer();
  void OnEvent(DraftCall::Operation operation, bool ok);
  void Connect();
  void OnStarted(bool ok) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnRead(bool ok) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status HandleResponse(const v1::DraftResponse& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status HandleReady(const v1::Ready& ready) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Writes a message now. REQUIRES: none is being written.
  void StartWrite(const v1::DraftRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes a message when those before it are written.
  void Write(v1::DraftRequest request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes the next waiting message if none is being written.
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Ends the session, if there is one, and the stream, giving `reason` in place of gRPC's.
  void Break(absl::Status reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndSession() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnCallEnded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool InSession(int64_t session_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes down what the book has dropped since it had dropped `dropped_before` drafts.
  void CountStaleDrafts(int64_t dropped_before) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const DrafterLinkConfig config_;
  const ChannelFactory make_channel_;
  const LinkMetrics metrics_;

  mutable Mutex mutex_;
  CondVar changed_;  // a reply came, or the session ended

  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kWaiting;
  TimePoint timer_ ABSL_GUARDED_BY(mutex_);  // when OnTimer is due; TimePoint::max(): never
  std::unique_ptr<DraftCall> call_ ABSL_GUARDED_BY(mutex_);  // set but in kWaiting
  Backoff backoff_ ABSL_GUARDED_BY(mutex_);

  std::optional<DraftSession> session_ ABSL_GUARDED_BY(mutex_);  // set in kReady only
  int64_t sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  ReplyBook book_ ABSL_GUARDED_BY(mutex_);
  OutgoingQueue outgoing_ ABSL_GUARDED_BY(mutex_);  // behind the write in flight

  bool refused_ ABSL_GUARDED_BY(mutex_) = false;      // why the last stream ended
  DraftSourceStatus status_ ABSL_GUARDED_BY(mutex_);  // all but the state, which phase_ tells

  grpc::CompletionQueue queue_;
  std::thread thread_;  // last, so that all it uses is there
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFTER_LINK_H_
