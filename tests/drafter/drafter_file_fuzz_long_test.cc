// A hundred thousand broken drafter files: each is refused, or gives a model that drafts. Meant for
// the build with AddressSanitizer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"
#include "drafter/draft_model_factory.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kFiles = 100'000;

// Breaks files in the ways that a fault or an enemy might.
class FileBreaker {
 public:
  explicit FileBreaker(std::string whole) : whole_(std::move(whole)) {
    uint64_t header_size = 0;
    std::memcpy(&header_size, whole_.data(), sizeof(header_size));
    header_end_ = sizeof(header_size) + header_size;
  }

  std::string Next() {
    std::string bytes = whole_;
    const auto changes = [&] { return 1 + static_cast<int>(random_() % 4); };
    switch (random_() % 6) {
      case 0:  // bits of the header
        for (int i = changes(); i > 0; --i) Flip(header_end_, &bytes);
        break;
      case 1:  // bits anywhere
        for (int i = changes(); i > 0; --i) Flip(bytes.size(), &bytes);
        break;
      case 2:  // bytes anywhere
        for (int i = changes(); i > 0; --i) bytes[Below(bytes.size())] = RandomByte();
        break;
      case 3:  // other numbers, so that the header stays JSON
        for (int i = changes(); i > 0; --i) ChangeDigit(&bytes);
        break;
      case 4:  // another length
        bytes.resize(Below(2 * bytes.size()), RandomByte());
        break;
      default:  // nothing but noise, behind a length that may fit
        bytes.resize(8 + Below(512));
        for (char& byte : bytes) byte = RandomByte();
        if (random_() % 2 == 0) std::fill_n(bytes.begin() + 1, 7, '\0');
        break;
    }
    return bytes;
  }

 private:
  size_t Below(size_t end) { return random_() % end; }
  char RandomByte() { return static_cast<char>(random_()); }
  void Flip(size_t end, std::string* bytes) {
    (*bytes)[Below(end)] ^= static_cast<char>(1 << random_() % 8);
  }
  void ChangeDigit(std::string* bytes) {
    const size_t start = Below(header_end_);
    const size_t digit = bytes->find_first_of("0123456789", start);
    if (digit < header_end_) (*bytes)[digit] = static_cast<char>('0' + random_() % 10);
  }

  const std::string whole_;
  size_t header_end_ = 0;
  std::mt19937_64 random_{11};
};

class DrafterFileFuzzTest : public ::testing::Test {
 protected:
  DrafterFileFuzzTest() {
    config_.draft_model.path = directory_.path() + "/drafter.safetensors";
    testing::WriteTinyLlama(directory_.path() + "/tiny.gguf", {.hidden_size = 32, .kv_heads = 1});
    target_ = *LlamaModel::Open(directory_.path() + "/tiny.gguf");
    testing::BuildTinyDrafter({.target = target_->fingerprint(),
                               .hidden_size = 32,
                               .query_heads = 2,
                               .kv_heads = 1,
                               .ffn_size = 32,
                               .trigram_hidden_size = 32,
                               .draft_vocab_size = 8})
        .Write(config_.draft_model.path);
    std::ifstream in(config_.draft_model.path, std::ios::binary);
    whole_.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }

  // Drafts for a sequence of a few tokens.
  void Draft(DraftModel* model) const {
    const std::unique_ptr<DraftState> state = model->NewState(0, {});
    const std::vector<int32_t> tokens = {5, 6, 7};
    const std::vector<uint16_t> states(2 * model->info().tapped_layers.size() * 32, 0x3f80);
    const DraftInput input = {.state = state.get(),
                              .token_ids = tokens,
                              .hidden_states = states,
                              .node_budget = 8,
                              .max_depth = 4};
    EXPECT_LE(model->Draft({&input, 1}).value()[0].token_ids.size(), 8);
  }

  const testing::TempDirectory directory_;
  DrafterConfig config_;
  const std::shared_ptr<ThreadPool> threads_ = std::make_shared<ThreadPool>(1);
  std::shared_ptr<const LlamaModel> target_;
  std::string whole_;
};

TEST_F(DrafterFileFuzzTest, IsRefusedOrDrafts) {
  CHIMERA_ASSERT_OK(MakeDraftModel(config_, target_, threads_));
  FileBreaker breaker(whole_);
  int drafters = 0;
  for (int i = 0; i < kFiles; ++i) {
    // A file written over another one would go to the disk at once.
    std::filesystem::remove(config_.draft_model.path);
    std::ofstream(config_.draft_model.path, std::ios::binary) << breaker.Next();
    const auto model = MakeDraftModel(config_, target_, threads_);
    if (model.ok()) {
      ++drafters;
      Draft(model->get());
    } else {
      ASSERT_THAT(std::string(model.status().message()),
                  AnyOf(HasSubstr(config_.draft_model.path), HasSubstr("drafter \"")))
          << "file " << i;
    }
  }
  std::cout << drafters << " of " << kFiles << " files gave a drafter\n";
  // Both ways must have been gone.
  EXPECT_GT(drafters, kFiles / 100);
  EXPECT_LT(drafters, kFiles / 2);
}

}  // namespace
}  // namespace chimera
