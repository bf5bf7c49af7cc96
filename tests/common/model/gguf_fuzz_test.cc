// Damaged model files: each is an error or harmless.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/model/llama_model.h"
#include "common/ops/llama_forward_reference.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/common/model/largest_allocation.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: half of it is used

// Far more than reading the tiny model takes, far less than what its damaged numbers ask for.
constexpr size_t kMaxAllocation = size_t{1} << 20;

// So many that no padding follows the last tensor: every byte of the file is needed.
constexpr int32_t kVocabSize = 288;

void ExpectEveryTensorReadable(const GgufFile& file) {
  std::vector<float> row;
  for (const auto& [name, tensor] : file.tensors) {
    row.resize(tensor.columns);
    for (int64_t i = 0; i < tensor.rows; ++i) Dequantize(tensor.type, tensor.row(i), row);
  }
}

// A tokenizer may refuse the vocabulary; one that does not must work.
void ExpectTokenizerWorks(const Vocabulary& vocabulary) {
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Create(vocabulary);
  if (!tokenizer.ok()) return;
  const absl::string_view text = "<|im_start|>user\nthe cat is \xf0\x9f\x98\xba\xff<|im_end|>";
  for (const SpecialTokens special : {SpecialTokens::kParse, SpecialTokens::kAsText}) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto ids, (*tokenizer)->Encode(text, special));
    CHIMERA_EXPECT_OK((*tokenizer)->Decode(ids));
  }
}

// A model file that a test damages, on disk and in memory.
class GgufFuzzTest : public ::testing::Test {
 protected:
  GgufFuzzTest()
      : writer_(BuildTinyLlama({.layer_count = 1,
                                .hidden_size = 32,
                                .query_heads = 2,
                                .kv_heads = 1,
                                .head_dim = 16,
                                .ffn_size = 32,
                                .vocab_size = kVocabSize})),
        bytes_(FileBytes(writer_.Serialize())),
        header_size_(writer_.SerializeHeader().size()) {
    WriteFile(path_, writer_.Serialize());
  }

  // Changes both copies. Calling it again with the same arguments restores them.
  void FlipBits(size_t offset, std::span<const uint8_t> bits) {
    const size_t count = std::min(bits.size(), bytes_.size() - offset);
    for (size_t i = 0; i < count; ++i) bytes_[offset + i] ^= std::byte{bits[i]};
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(reinterpret_cast<const char*>(&bytes_[offset]), static_cast<std::streamsize>(count));
    ASSERT_TRUE(file.flush()) << path_;
  }

  // Opens both copies, which must come out the same, and uses what opens. Memory shows accesses
  // beyond the file's end, the disk is what users have.
  absl::Status Try(std::span<const std::byte> bytes) {
    TakeLargestAllocation();
    const absl::StatusOr<MemoryModel> in_memory = ReadMemoryModel(bytes);
    const absl::StatusOr<std::unique_ptr<LlamaModel>> on_disk = LlamaModel::Open(path_);
    EXPECT_LE(TakeLargestAllocation(), kMaxAllocation);
    EXPECT_EQ(in_memory.ok(), on_disk.ok()) << in_memory.status() << "\n" << on_disk.status();
    if (!in_memory.ok() || !on_disk.ok()) {
      EXPECT_TRUE(absl::EndsWith(on_disk.status().message(), in_memory.status().message()))
          << on_disk.status();
      ++refused_;
      return in_memory.status();
    }
    ++opened_;
    EXPECT_EQ((*on_disk)->fingerprint(), FingerprintOf(*in_memory));
    Use(*in_memory);
    EXPECT_LE(TakeLargestAllocation(), kMaxAllocation);
    return absl::OkStatus();
  }

  void Use(const MemoryModel& model) const {
    ExpectEveryTensorReadable(model.file);
    ExpectTokenizerWorks(model.vocabulary);
    // Slow, hence for some only.
    if (opened_ % 16 == 1) {
      LlamaForwardReference(model.config, model.weights, std::vector<int32_t>{0, kVocabSize - 1});
    }
  }

  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/model.gguf";
  const GgufWriter writer_;
  std::vector<std::byte> bytes_;
  const size_t header_size_;
  int opened_ = 0;
  int refused_ = 0;
};

TEST_F(GgufFuzzTest, TheWholeFileOpens) { CHIMERA_EXPECT_OK(Try(bytes_)); }

TEST_F(GgufFuzzTest, TruncatedFilesAreRefused) {
  constexpr size_t kCuts = 100;  // in the header, and as many in the data
  std::vector<size_t> sizes;
  for (size_t i = 0; i < kCuts; ++i) {
    sizes.push_back(header_size_ * i / kCuts);
    sizes.push_back(bytes_.size() - 1 - (bytes_.size() - header_size_) * i / kCuts);
  }
  std::sort(sizes.rbegin(), sizes.rend());
  for (const size_t size : sizes) {
    std::filesystem::resize_file(path_, size);
    const std::vector<std::byte> cut(bytes_.begin(), bytes_.begin() + static_cast<ssize_t>(size));
    EXPECT_EQ(Try(cut).code(), absl::StatusCode::kInvalidArgument) << size << " bytes";
  }
}

TEST_F(GgufFuzzTest, FlippedBytesInTheHeader) {
  std::mt19937 random(41);
  for (int trial = 0; trial < 10'000 && !HasFailure(); ++trial) {
    const size_t offset = random() % header_size_;
    const uint8_t bits[] = {static_cast<uint8_t>(1 + random() % 255)};
    FlipBits(offset, bits);
    const absl::Status status = Try(bytes_);
    EXPECT_FALSE(HasFailure()) << "trial " << trial << ", offset " << offset << ": " << status;
    FlipBits(offset, bits);
  }
  RecordProperty("opened", opened_);
  RecordProperty("refused", refused_);
  EXPECT_GE(opened_, 1000);
  EXPECT_GE(refused_, 1000);
}

// Counts, lengths and offsets are 64 bits wide, and rarely does one byte bring them to a limit.
TEST_F(GgufFuzzTest, ExtremeNumbersInTheHeader) {
  constexpr uint64_t kNumbers[] = {0,
                                   uint64_t{1} << 31,
                                   uint64_t{1} << 32,
                                   uint64_t{1} << 61,
                                   uint64_t{1} << 63,
                                   ~uint64_t{0} >> 1,
                                   ~uint64_t{0} - 31,
                                   ~uint64_t{0}};
  std::mt19937 random(43);
  for (int trial = 0; trial < 4'000 && !HasFailure(); ++trial) {
    const size_t offset = random() % (header_size_ - sizeof(uint64_t));
    const uint64_t number = kNumbers[random() % std::size(kNumbers)];
    uint8_t bits[sizeof(number)];
    for (size_t i = 0; i < sizeof(number); ++i) {
      bits[i] = static_cast<uint8_t>(number >> 8 * i) ^ static_cast<uint8_t>(bytes_[offset + i]);
    }
    FlipBits(offset, bits);
    const absl::Status status = Try(bytes_);
    EXPECT_FALSE(HasFailure()) << "trial " << trial << ", offset " << offset << ": " << status;
    FlipBits(offset, bits);
  }
  EXPECT_GE(refused_, 1000);
}

// The limit on allocations means something: this is what it must catch.
TEST_F(GgufFuzzTest, AllocationsAreSeen) {
  TakeLargestAllocation();
  // Called by name: a compiler may leave out a new-expression whose memory nobody uses.
  ::operator delete(::operator new(kMaxAllocation + 1));
  EXPECT_GT(TakeLargestAllocation(), kMaxAllocation);
}

}  // namespace
}  // namespace chimera
