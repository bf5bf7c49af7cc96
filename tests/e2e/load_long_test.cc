// More load than a verifier can take, and clients that hardly read. CHIMERA_LOAD_SECONDS says how
// long each lasts; 300 is what the project promises.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/model/default_model_path.h"
#include "tests/e2e/load_client.h"
#include "tests/e2e/service_process.h"
#include "tests/e2e/slow_readers.h"
#include "tests/testing/eventually.h"
#include "tests/testing/generic_call.h"

namespace chimera::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int32_t kMaxRunning = 8;
constexpr int32_t kMaxWaiting = 16;
constexpr double kOverload = 10;
constexpr int kSlowReaders = 64;
constexpr int64_t kFlatBytes = 4 << 20;  // growth within that is noise of the heap
constexpr RequestShape kShape = {.min_prompt = 16,
                                 .max_prompt = 96,
                                 .min_tokens = 4,
                                 .max_tokens = 16,
                                 .first_token_id = 100,
                                 .last_token_id = 40000};

std::vector<double> FirstTokenSeconds(const std::vector<CallRecord>& records) {
  std::vector<double> seconds;
  for (const CallRecord& record : records) {
    if (record.code == grpc::StatusCode::OK) seconds.push_back(record.first_token_seconds);
  }
  return seconds;
}

void Print(const std::string& what, const std::vector<double>& seconds) {
  std::cout << what << ", ms: median " << Percentile(seconds, 0.5) * 1e3 << ", 99 % "
            << Percentile(seconds, 0.99) * 1e3 << ", most " << Percentile(seconds, 1) * 1e3
            << " of " << seconds.size() << std::endl;
}

// Asks for the verifier's health, on a connection of its own, until stopped.
class HealthProbe {
 public:
  explicit HealthProbe(const ServiceProcess& verifier)
      : channel_(verifier.NewChannel()), thread_([this] { Run(); }) {}

  std::vector<double> Stop() {
    stop_ = true;
    thread_.join();
    return seconds_;
  }

 private:
  void Run() {
    while (!stop_) {
      const auto start = Clock::now();
      EXPECT_EQ(CheckHealth(channel_, ""), Health::kServing);
      seconds_.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      // The rate of the questions, which are no load themselves.
      std::this_thread::sleep_until(start + std::chrono::milliseconds(50));
    }
  }

  const std::shared_ptr<grpc::Channel> channel_;
  std::atomic<bool> stop_ = false;
  std::vector<double> seconds_;
  std::thread thread_;
};

class LoadLongTest : public ::testing::Test {
 protected:
  // What a closed loop got.
  struct Served {
    double per_second = 0;
    std::vector<double> first_token_seconds;
  };

  // Keeps `clients` requests running for `time`.
  Served Serve(int clients, Clock::duration time) {
    const auto start = Clock::now();
    while (Clock::now() < start + time) {
      client_.WaitForCalls(clients - 1);
      client_.Start(RandomRequest(kShape, &random_));
    }
    client_.WaitForCalls(0);
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    const std::vector<CallRecord> records = client_.TakeRecords();
    for (const CallRecord& record : records) {
      EXPECT_EQ(record.code, grpc::StatusCode::OK)
          << record.error_message << " after " << record.seconds << " s";
    }
    return {static_cast<double>(records.size()) / elapsed.count(), FirstTokenSeconds(records)};
  }

  // Sends `per_second` requests at random moments, whether or not earlier ones have been answered.
  std::vector<CallRecord> Offer(double per_second, Clock::duration time) {
    std::exponential_distribution<double> gap(per_second);
    const auto start = Clock::now();
    auto next = start;
    for (; next < start + time; next += std::chrono::duration_cast<Clock::duration>(
                                    std::chrono::duration<double>(gap(random_)))) {
      std::this_thread::sleep_until(next);
      client_.Start(RandomRequest(kShape, &random_));
    }
    client_.WaitForCalls(0);
    return client_.TakeRecords();
  }

  const Clock::duration time_ =
      SecondsFromEnvironment("CHIMERA_LOAD_SECONDS", std::chrono::seconds(60));
  // Few pages, so that all have been written, and their memory counts, before it is measured.
  const ServiceProcess verifier_{CHIMERA_VERIFIER_BINARY,
                                 {"--model", chimera::DefaultModelPath(), "--kv_pages=128",
                                  "--max_running_requests=" + std::to_string(kMaxRunning),
                                  "--max_waiting_requests=" + std::to_string(kMaxWaiting)}};
  const std::unique_ptr<v1::GenerationService::Stub> stub_ = verifier_.NewStub();
  std::mt19937 random_{7};
  LoadClient client_{{verifier_.NewChannel(), verifier_.NewChannel()}};
};

// The bound that the queue sets: a request is taken in only while fewer than max_waiting_requests
// wait, so it gets a place once at most so many others have, and places become free at the service
// rate. After that its first token takes as long as it does when just enough requests run to fill
// all places. Both are measured before the overload:
//
//   bound = max_waiting_requests / (requests per second) + 99 % of the times to first token
TEST_F(LoadLongTest, TenTimesTheCapacity) {
  Serve(kMaxRunning, std::chrono::seconds(5));  // writes all pages
  const Served capacity =
      Serve(kMaxRunning, std::max<Clock::duration>(time_ / 6, std::chrono::seconds(5)));
  const double unqueued = Percentile(capacity.first_token_seconds, 0.99);
  const double bound = kMaxWaiting / capacity.per_second + unqueued;
  std::cout << "capacity " << capacity.per_second << " requests/s, bound " << bound * 1e3 << " ms"
            << std::endl;
  Print("time to first token at capacity", capacity.first_token_seconds);

  Offer(kOverload * capacity.per_second, time_ / 4);
  const ProcessStats before = verifier_.Stats();
  HealthProbe health(verifier_);
  const std::vector<CallRecord> records = Offer(kOverload * capacity.per_second, time_);
  const std::vector<double> health_seconds = health.Stop();
  const ProcessStats after = verifier_.Stats();

  std::vector<double> rejection_seconds;
  for (const CallRecord& record : records) {
    if (record.code == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      rejection_seconds.push_back(record.seconds);
    } else {
      EXPECT_EQ(record.code, grpc::StatusCode::OK) << record.error_message;
    }
  }
  const std::vector<double> first_token_seconds = FirstTokenSeconds(records);
  std::cout << first_token_seconds.size() / std::chrono::duration<double>(time_).count()
            << " requests/s served of "
            << records.size() / std::chrono::duration<double>(time_).count() << " offered"
            << std::endl;
  Print("time to first token", first_token_seconds);
  Print("rejections", rejection_seconds);
  Print("health", health_seconds);
  std::cout << "resident " << before.resident_bytes / 1e6 << " MB, then "
            << after.resident_bytes / 1e6 << " MB; threads " << before.threads << ", "
            << after.threads << std::endl;

  EXPECT_GT(rejection_seconds.size(), records.size() / 2) << "no overload";
  EXPECT_LE(Percentile(first_token_seconds, 1), 2 * bound);
  // One in a hundred may be late: all cores are busy with decoding, and both the server's and the
  // client's thread must be given one.
  EXPECT_LT(Percentile(rejection_seconds, 0.99), 0.005);
  EXPECT_LT(Percentile(health_seconds, 0.99), 0.1);
  EXPECT_LT(after.resident_bytes - before.resident_bytes, kFlatBytes);
}

TEST_F(LoadLongTest, SlowReadersHarmNobody) {
  constexpr int kClients = 4;
  Serve(kClients, std::chrono::seconds(5));
  const Served alone = Serve(kClients, time_ / 2);
  Print("time to first token alone", alone.first_token_seconds);
  ASSERT_TRUE(WaitUntilIdle(stub_.get()));  // and has connected
  const ProcessStats before = verifier_.Stats();
  {
    SlowReaders readers(verifier_.address(), kSlowReaders, [this] {
      v1::GenerateRequest request = RandomRequest(kShape, &random_);
      request.mutable_stop()->set_max_tokens(48);
      return request;
    });
    ASSERT_TRUE(WaitUntilIdle(stub_.get()));
    HealthProbe health(verifier_);
    const Served beside = Serve(kClients, time_ / 2);
    Print("time to first token beside " + std::to_string(kSlowReaders) + " slow readers",
          beside.first_token_seconds);
    Print("health", health.Stop());
    const ProcessStats with = verifier_.Stats();
    std::cout << alone.per_second << " requests/s alone, " << beside.per_second
              << " beside; resident " << before.resident_bytes / 1e6 << " MB, then "
              << with.resident_bytes / 1e6 << " MB; file descriptors " << before.file_descriptors
              << ", then " << with.file_descriptors << "; slow readers got " << readers.messages()
              << " messages" << std::endl;
    EXPECT_GE(with.file_descriptors, before.file_descriptors + kSlowReaders);
    EXPECT_EQ(readers.ended(), 0) << "not slow";
    // A fifth is what other work on the machine can take.
    EXPECT_GT(beside.per_second, 0.8 * alone.per_second);
    EXPECT_LT(Percentile(beside.first_token_seconds, 0.5),
              1.25 * Percentile(alone.first_token_seconds, 0.5));
    // A connection and what it buffers is about 100 KiB.
    EXPECT_LT(with.resident_bytes - before.resident_bytes,
              kFlatBytes + kSlowReaders * int64_t{256 << 10});
  }
  EXPECT_TRUE(WaitUntilIdle(stub_.get()));
  EXPECT_TRUE(
      Eventually([&] { return verifier_.Stats().file_descriptors <= before.file_descriptors; }));
}

}  // namespace
}  // namespace chimera::testing
