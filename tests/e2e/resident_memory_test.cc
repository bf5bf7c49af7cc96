// How much memory a verifier takes: the weights once, the K/V pages, and little else.

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include "common/backend/backend.h"
#include "common/model/default_model_path.h"
#include "common/model/llama_model.h"
#include "tests/e2e/load_client.h"
#include "tests/e2e/service_process.h"

namespace chimera::testing {
namespace {

constexpr int64_t kMegabyte = 1'000'000;
constexpr int64_t kRest = 150 * kMegabyte;  // code, libraries, buffers, heap
constexpr int32_t kPages = 256;

TEST(ResidentMemoryTest, StaysWithinModelFileAndPages) {
  const std::string path = chimera::DefaultModelPath();
  const auto file_bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  const LlamaConfig config = LlamaModel::Open(path).value()->config();
  // Keys and values of all layers, two bytes an element.
  const int64_t page_bytes =
      int64_t{config.layer_count} * 2 * config.kv_size() * 2 * kPagePositions * kPages;

  const ServiceProcess verifier(CHIMERA_VERIFIER_BINARY,
                                {"--model", path, "--kv_pages=" + std::to_string(kPages)});
  const auto report = [&](const char* when) {
    const ProcessStats stats = verifier.Stats();
    std::cout << when << ": " << stats.resident_bytes / kMegabyte << " MB resident, "
              << stats.resident_file_bytes / kMegabyte << " MB of it files, peak "
              << stats.peak_resident_bytes / kMegabyte << " MB; model file "
              << file_bytes / kMegabyte << " MB, K/V pages " << page_bytes / kMegabyte << " MB"
              << std::endl;
    return stats;
  };
  // No page has been written yet.
  EXPECT_LE(report("at the start").resident_bytes, file_bytes + kRest);

  // Prompts that together fill every page of the pool with something to keep.
  LoadClient client({verifier.NewChannel()});
  std::mt19937 random(1);
  constexpr int32_t kPromptTokens = 500;
  for (int32_t tokens = 0; tokens < kPages * kPagePositions; tokens += kPromptTokens) {
    client.WaitForCalls(0);
    client.Start(RandomRequest({.min_prompt = kPromptTokens,
                                .max_prompt = kPromptTokens,
                                .min_tokens = 4,
                                .max_tokens = 4,
                                .first_token_id = 100,
                                .last_token_id = config.vocab_size - 1},
                               &random));
  }
  client.WaitForCalls(0);
  for (const CallRecord& record : client.TakeRecords()) {
    EXPECT_EQ(record.code, grpc::StatusCode::OK);
  }
  const ProcessStats full = report("all pages written");
  EXPECT_LE(full.peak_resident_bytes, file_bytes + page_bytes + kRest);
  // The repacked weights are there in place of the file's, not beside them. What is left of files
  // is mostly code.
  EXPECT_LE(full.resident_file_bytes, file_bytes / 2);
}

}  // namespace
}  // namespace chimera::testing
