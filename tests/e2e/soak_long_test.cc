// Both services under mixed requests for a long time: nothing piles up. CHIMERA_SOAK_SECONDS says
// how long; 1800 is what the project promises.

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/mixed_client.h"
#include "tests/e2e/service_process.h"
#include "tests/testing/eventually.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSoakClients = 6;
constexpr double kMebibyte = 1 << 20;
constexpr double kSlopeLimit = 1;  // MiB an hour
// A slope is told from the heap's noise, which is about so much, only after this long.
constexpr double kNoise = 1;  // MiB
constexpr double kHoursForSlope = 20.0 / 60;

// A moment when no request is open.
struct Sample {
  double hours = 0;
  ProcessStats stats;
};

// Of the least-squares line through the resident sizes, in MiB an hour.
double Slope(const std::vector<Sample>& samples) {
  double mean_x = 0;
  double mean_y = 0;
  for (const Sample& sample : samples) {
    mean_x += sample.hours / samples.size();
    mean_y += sample.stats.resident_bytes / kMebibyte / samples.size();
  }
  double xx = 0;
  double xy = 0;
  for (const Sample& sample : samples) {
    xx += (sample.hours - mean_x) * (sample.hours - mean_x);
    xy += (sample.hours - mean_x) * (sample.stats.resident_bytes / kMebibyte - mean_y);
  }
  return xx == 0 ? 0 : xy / xx;
}

void ExpectConstant(const std::string& name, const std::vector<Sample>& samples) {
  ASSERT_GE(samples.size(), 2u);
  const ProcessStats& first = samples.front().stats;
  const ProcessStats& last = samples.back().stats;
  const double hours = samples.back().hours - samples.front().hours;
  const double growth = (last.resident_bytes - first.resident_bytes) / kMebibyte;
  std::cout << name << ": resident " << first.resident_bytes / kMebibyte << " MiB, " << hours * 60
            << " minutes later " << growth << " MiB more, slope " << Slope(samples)
            << " MiB/h; threads " << first.threads << ", " << last.threads << "; file descriptors "
            << first.file_descriptors << ", " << last.file_descriptors << std::endl;
  // gRPC may add a thread or two to its pools until they have seen the load at its worst.
  const int32_t more_threads = hours >= kHoursForSlope ? 0 : 2;
  for (const Sample& sample : samples) {
    EXPECT_LE(sample.stats.threads, first.threads + more_threads)
        << name << " at " << sample.hours << " h";
    EXPECT_EQ(sample.stats.file_descriptors, first.file_descriptors)
        << name << " at " << sample.hours << " h";
  }
  if (hours >= kHoursForSlope) {
    EXPECT_LT(Slope(samples), kSlopeLimit) << name;
  } else {
    EXPECT_LT(growth, kNoise) << name;
  }
}

class SoakLongTest : public ::testing::Test {
 protected:
  SoakLongTest() {
    WriteTinyLlama(model_, {});
    drafter_ = std::make_unique<ServiceProcess>(CHIMERA_DRAFTER_BINARY,
                                                std::vector<std::string>{"--model", model_});
    verifier_ = std::make_unique<ServiceProcess>(
        CHIMERA_VERIFIER_BINARY,
        std::vector<std::string>{"--model", model_, "--kv_pages=64", "--drafter",
                                 drafter_->address().ToString()});
    stub_ = verifier_->NewStub();
    for (int i = 0; i < kSoakClients; ++i) {
      clients_.push_back(std::make_unique<MixedClient>(verifier_.get(), i));
    }
  }

  void SendUntil(Clock::time_point end) {
    std::vector<std::thread> threads;
    for (const auto& client : clients_) {
      threads.emplace_back([&client, end] {
        while (Clock::now() < end) client->SendOne();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  int Sent() const {
    int sent = 0;
    for (const auto& client : clients_) {
      for (const auto& [kind, count] : client->counts()) sent += count;
    }
    return sent;
  }

  const TempDirectory directory_;
  const std::string model_ = directory_.path() + "/tiny.gguf";
  std::unique_ptr<ServiceProcess> drafter_;
  std::unique_ptr<ServiceProcess> verifier_;
  std::unique_ptr<v1::GenerationService::Stub> stub_;
  std::vector<std::unique_ptr<MixedClient>> clients_;
};

TEST_F(SoakLongTest, NothingPilesUp) {
  ASSERT_TRUE(WaitForDrafter(stub_.get()));
  const auto time = SecondsFromEnvironment("CHIMERA_SOAK_SECONDS", std::chrono::seconds(60));
  const auto start = Clock::now();
  // The first quarter warms up: heaps and gRPC's thread pools grow to what the load needs.
  const auto warm = start + time / 4;
  // All clients are connected. Connections that they lose are closed a moment later.
  const int32_t descriptors = verifier_->Stats().file_descriptors;
  const auto settle = [&] {
    return Eventually([&] { return verifier_->Stats().file_descriptors <= descriptors; });
  };
  SendUntil(warm);

  std::vector<Sample> verifier;
  std::vector<Sample> drafter;
  constexpr int kRounds = 30;
  for (int round = 1; round <= kRounds; ++round) {
    SendUntil(warm + (start + time - warm) * round / kRounds);
    ASSERT_TRUE(WaitUntilIdle(stub_.get()));
    EXPECT_TRUE(settle()) << "file descriptors are left";
    const std::chrono::duration<double, std::ratio<3600>> hours = Clock::now() - start;
    verifier.push_back({hours.count(), verifier_->Stats()});
    drafter.push_back({hours.count(), drafter_->Stats()});
  }
  const v1::GetServerInfoResponse info = GetServerInfo(stub_.get());
  EXPECT_EQ(info.free_kv_page_count(), info.kv_page_count());
  EXPECT_GT(info.drafters(0).drafts_used(), 0);
  std::cout << Sent() << " requests" << std::endl;
  ExpectConstant("verifier", verifier);
  ExpectConstant("drafter", drafter);
}

}  // namespace
}  // namespace chimera::testing
