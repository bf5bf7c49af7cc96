// What DrafterFile reads and what it refuses.

#include "drafter/network/drafter_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::chimera::testing::TinyDrafter;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DrafterFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<DrafterFile>> Open(const TinyDrafter& drafter) const {
    drafter.Write(path_);
    return DrafterFile::Open(path_);
  }

  const testing::TempDirectory directory_;
  const std::string path_ = directory_.path() + "/drafter.safetensors";
};

TEST_F(DrafterFileTest, Reads) {
  const auto file = Open(testing::BuildTinyDrafter({.target = {"a1", "b2"}}));
  CHIMERA_ASSERT_OK(file);
  const DraftNetworkConfig& config = (*file)->config();
  EXPECT_EQ(config.name, "tiny drafter");
  EXPECT_EQ(config.target, (Fingerprint{"a1", "b2"}));
  EXPECT_EQ(config.hidden_size, 64);
  EXPECT_EQ(config.trigram_hidden_size, 128);
  EXPECT_THAT(config.tapped_layers, ElementsAre(1, 2));
  EXPECT_FLOAT_EQ(config.rms_norm_epsilon, 1e-5f);
  const DraftWeights& weights = (*file)->weights();
  EXPECT_EQ(weights.trigram_encoder.w1.type, DataType::kQ8_0);
  EXPECT_EQ(weights.trigram_encoder.w1.columns, 3 * 64);
  EXPECT_EQ(weights.residual_head.embedding.rows, 100);
  EXPECT_EQ(weights.residual_head.vocabulary[1], 6);
}

TEST_F(DrafterFileTest, NamesEveryTensorThatIsMissing) {
  const TinyDrafter whole = testing::BuildTinyDrafter({});
  EXPECT_EQ(whole.tensors.size(), 20);
  for (const auto& [name, tensor] : whole.tensors) {
    TinyDrafter drafter = whole;
    drafter.tensors.erase(name);
    EXPECT_THAT(Open(drafter),
                StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr(path_), HasSubstr(name))));
  }
}

TEST_F(DrafterFileTest, NamesEveryValueThatIsMissingOrWrong) {
  const TinyDrafter whole = testing::BuildTinyDrafter({});
  for (const auto& [key, value] : whole.metadata) {
    TinyDrafter drafter = whole;
    drafter.metadata.erase(key);
    EXPECT_THAT(Open(drafter),
                StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr(path_), HasSubstr(key))));
    if (key == "name" || key.starts_with("target_")) continue;
    drafter.metadata[key] = "wrong";
    EXPECT_THAT(Open(drafter), StatusIs(absl::StatusCode::kInvalidArgument,
                                        AllOf(HasSubstr(path_), HasSubstr(key))));
  }
}

TEST_F(DrafterFileTest, NamesEveryTensorOfAnotherShapeOrType) {
  const TinyDrafter whole = testing::BuildTinyDrafter({});
  for (const auto& [name, tensor] : whole.tensors) {
    TinyDrafter drafter = whole;
    TinyDrafter::Tensor& changed = drafter.tensors[name];
    changed.shape.back() -= 1;
    changed.bytes.resize(changed.bytes.size() / tensor.shape.back() * changed.shape.back());
    EXPECT_THAT(Open(drafter), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(name)));
    changed = {SafetensorsType::kI64, {1}, std::string(8, '\0')};
    EXPECT_THAT(Open(drafter), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(name)));
  }
}

TEST_F(DrafterFileTest, RefusesQueriesOfAnotherTypeThanKeys) {
  TinyDrafter drafter = testing::BuildTinyDrafter({});
  const TinyDrafter other = testing::BuildTinyDrafter({.type = DataType::kBf16});
  for (const char* name : {"context_encoder.query", "context_encoder.value"}) {
    TinyDrafter mixed = drafter;
    mixed.tensors[name] = other.tensors.at(name);
    EXPECT_THAT(Open(mixed), StatusIs(absl::StatusCode::kInvalidArgument,
                                      AllOf(HasSubstr(path_), HasSubstr("must be of one type"))));
  }
}

TEST_F(DrafterFileTest, RefusesWeightsThatAreNotFinite) {
  const struct {
    DataType type;
    std::string nan;  // the bytes of an element, or of a block's scale, which comes first
  } types[] = {{DataType::kF32, {'\0', '\0', '\xc0', '\x7f'}},
               {DataType::kBf16, {'\xc0', '\x7f'}},
               {DataType::kF16, {'\0', '\x7e'}},
               {DataType::kQ8_0, {'\0', '\x7e'}},
               {DataType::kQ4_0, {'\0', '\x7e'}},
               {DataType::kQ4_1, {'\0', '\x7e'}}};
  for (const auto& [type, nan] : types) {
    const TinyDrafter whole = testing::BuildTinyDrafter({.type = type});
    CHIMERA_ASSERT_OK(Open(whole));
    for (const auto& [name, tensor] : whole.tensors) {
      if (tensor.type == SafetensorsType::kI32) continue;
      TinyDrafter drafter = whole;
      const bool is_norm = tensor.type == SafetensorsType::kF32;
      drafter.tensors[name].bytes.replace(0, is_norm ? 4 : nan.size(),
                                          is_norm ? types[0].nan : nan);
      EXPECT_THAT(Open(drafter), StatusIs(absl::StatusCode::kInvalidArgument,
                                          AllOf(HasSubstr(name), HasSubstr("not finite"))))
          << DataTypeName(type);
    }
  }
}

TEST_F(DrafterFileTest, RefusesAVocabularyThatIsNotAscending) {
  TinyDrafter drafter = testing::BuildTinyDrafter({});
  const int32_t token = 6;
  std::memcpy(drafter.tensors["draft_vocabulary"].bytes.data(), &token, sizeof(token));
  EXPECT_THAT(Open(drafter), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("draft_vocabulary: element 1 is 6")));
}

TEST_F(DrafterFileTest, SurvivesRandomBytesAndFlips) {
  testing::BuildTinyDrafter({.hidden_size = 32, .draft_vocab_size = 4}).Write(path_);
  std::ifstream in(path_, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = whole;
    // The header is what can lead astray.
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      bytes[random() % 3000] ^= static_cast<char>(1 << random() % 8);
    }
    std::ofstream(path_, std::ios::binary) << bytes;
    const auto file = DrafterFile::Open(path_);
    if (!file.ok()) {
      EXPECT_THAT(std::string(file.status().message()), HasSubstr(path_));
    }
  }
}

}  // namespace
}  // namespace chimera
