#include "tests/e2e/slow_readers.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "tests/verifier/service/slow_channel.h"

namespace chimera::testing {

using Clock = std::chrono::steady_clock;

struct SlowReaders::Reader {
  grpc::ClientContext context;
  std::unique_ptr<v1::GenerationService::Stub> stub;
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> stream;
  Clock::time_point next = {};
  bool has_ended = false;
};

SlowReaders::SlowReaders(const Address& address, int count,
                         const std::function<v1::GenerateRequest()>& make_request) {
  for (int i = 0; i < count; ++i) {
    auto reader = std::make_unique<Reader>();
    reader->stub = v1::GenerationService::NewStub(SlowChannel(address));
    reader->stream = reader->stub->Generate(&reader->context, make_request());
    ReadOne(reader.get());
    EXPECT_FALSE(reader->has_ended) << "no message";
    readers_.push_back(std::move(reader));
  }
  thread_ = std::thread([this] { Run(); });
}

SlowReaders::~SlowReaders() {
  {
    MutexLock lock(&mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
  for (const auto& reader : readers_) {
    reader->context.TryCancel();
    v1::GenerateResponse response;
    while (reader->stream->Read(&response)) {
    }
    reader->stream->Finish();
  }
}

void SlowReaders::Run() {
  while (true) {
    const auto due = std::ranges::min_element(readers_, {}, [](const auto& reader) {
      return reader->has_ended ? Clock::time_point::max() : reader->next;
    });
    const auto time = (*due)->has_ended ? Clock::time_point::max() : (*due)->next;
    {
      MutexLock lock(&mutex_);
      while (!stop_ && Clock::now() < time) changed_.WaitUntil(&mutex_, time);
      if (stop_) return;
    }
    ReadOne(due->get());
  }
}

void SlowReaders::ReadOne(Reader* reader) {
  v1::GenerateResponse response;
  if (!reader->stream->Read(&response)) {
    reader->has_ended = true;
    ++ended_;
    return;
  }
  ++messages_;
  reader->next = Clock::now() + std::chrono::seconds(response.ByteSizeLong());
}

}  // namespace chimera::testing
