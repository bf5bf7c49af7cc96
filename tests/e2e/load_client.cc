#include "tests/e2e/load_client.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/check.h"
#include "tests/testing/eventually.h"

namespace chimera::testing {

using Clock = std::chrono::steady_clock;

// Lives until gRPC is done with it.
class LoadClient::Call final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  Call(LoadClient* client, const v1::GenerateRequest& request)
      : client_(client), request_(request) {}

  void Start(v1::GenerationService::Stub* stub) {
    stub->async()->Generate(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (record_.first_token_seconds == 0) record_.first_token_seconds = Seconds();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    record_.seconds = Seconds();
    record_.code = status.error_code();
    record_.error_message = status.error_message();
    LoadClient* const client = client_;
    const CallRecord record = record_;
    // First: whoever waits for the last call may end gRPC next.
    delete this;
    client->Ended(record);
  }

 private:
  double Seconds() const { return std::chrono::duration<double>(Clock::now() - sent_).count(); }

  LoadClient* const client_;
  const v1::GenerateRequest request_;
  const Clock::time_point sent_ = Clock::now();
  grpc::ClientContext context_;
  v1::GenerateResponse response_;
  CallRecord record_;
};

LoadClient::LoadClient(const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
  for (const auto& channel : channels) {
    // Connecting is no part of what is measured, and on a busy machine a first attempt may fail.
    CHIMERA_CHECK(channel->WaitForConnected(std::chrono::system_clock::now() + kEventuallyTimeout))
        << "no connection";
    stubs_.push_back(v1::GenerationService::NewStub(channel));
  }
}

LoadClient::~LoadClient() { WaitForCalls(0); }

void LoadClient::Start(const v1::GenerateRequest& request) {
  {
    MutexLock lock(&mutex_);
    ++open_;
  }
  auto* const call = new Call(this, request);
  call->Start(stubs_[next_stub_++ % stubs_.size()].get());
}

void LoadClient::Ended(const CallRecord& record) {
  MutexLock lock(&mutex_);
  --open_;
  records_.push_back(record);
  changed_.NotifyAll();
}

void LoadClient::WaitForCalls(int count) {
  MutexLock lock(&mutex_);
  while (open_ > count) changed_.Wait(&mutex_);
}

std::vector<CallRecord> LoadClient::TakeRecords() {
  MutexLock lock(&mutex_);
  return std::exchange(records_, {});
}

v1::GenerateRequest RandomRequest(const RequestShape& shape, std::mt19937* random) {
  v1::GenerateRequest request;
  const int32_t length = RandomInRange(shape.min_prompt, shape.max_prompt, random);
  for (int32_t i = 0; i < length; ++i) {
    request.mutable_token_ids()->add_ids(
        RandomInRange(shape.first_token_id, shape.last_token_id, random));
  }
  request.mutable_stop()->set_max_tokens(RandomInRange(shape.min_tokens, shape.max_tokens, random));
  request.mutable_stop()->set_ignore_eos(true);
  return request;
}

int32_t RandomInRange(int32_t low, int32_t high, std::mt19937* random) {
  return std::uniform_int_distribution<int32_t>(low, high)(*random);
}

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(values.size())));
  return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
}

}  // namespace chimera::testing
