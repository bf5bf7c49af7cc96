// Ten thousand requests of every kind and end, many sharing pages: afterwards nobody holds a page.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <iostream>
#include <map>
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

constexpr int kRequests = 10000;
constexpr int kClients = 8;
constexpr int32_t kContextLength = 512;
// Not enough for all clients' longest requests, so that pages are evicted and requests interrupted.
constexpr int32_t kPages = 40;

TEST(RandomEndsTest, PagesAndHoldersReturnToTheirStart) {
  const TempDirectory directory;
  const std::string model = directory.path() + "/tiny.gguf";
  WriteTinyLlama(model, {.context_length = kContextLength});
  const ServiceProcess verifier(
      CHIMERA_VERIFIER_BINARY,
      {"--model", model, "--max_running_requests=6", "--kv_pages=" + std::to_string(kPages)});
  const auto stub = verifier.NewStub();
  ASSERT_EQ(GetServerInfo(stub.get()).free_kv_page_count(), kPages);

  std::atomic<int> sent = 0;
  std::atomic<int> done_clients = 0;
  std::deque<MixedClient> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(&verifier, i);
  std::vector<std::thread> threads;
  threads.reserve(kClients);
  for (MixedClient& client : clients) {
    threads.emplace_back([&] {
      while (sent++ < kRequests) client.SendOne();
      ++done_clients;
    });
  }
  int32_t fewest_free = kPages;
  while (done_clients < kClients) {
    fewest_free = std::min(fewest_free, GetServerInfo(stub.get()).free_kv_page_count());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // looks now and then
  }
  for (std::thread& thread : threads) thread.join();

  // A page is free only if it has no holder, so this says the same of all reference counts.
  EXPECT_TRUE(WaitUntilIdle(stub.get()));
  EXPECT_EQ(GetServerInfo(stub.get()).free_kv_page_count(), kPages);
  EXPECT_LE(fewest_free, kPages / 4) << "hardly a page was ever in use";

  // And a request that needs nearly all of them gets them.
  v1::GenerateRequest request;
  request.mutable_token_ids()->mutable_ids()->Resize(kContextLength - 1, kTinyFirstByteToken);
  grpc::ClientContext context;
  const auto reader = stub->Generate(&context, request);
  v1::GenerateResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(response.complete().usage().completion_tokens(), 1);

  std::map<std::string, int> counts;
  for (const MixedClient& client : clients) {
    for (const auto& [kind, count] : client.counts()) counts[kind] += count;
  }
  for (const auto& [kind, count] : counts) std::cout << kind << " " << count << "  ";
  std::cout << "fewest free pages " << fewest_free << " of " << kPages << std::endl;
}

}  // namespace
}  // namespace chimera::testing
