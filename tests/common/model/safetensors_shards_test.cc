#include "common/model/safetensors_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_hugging_face.h"

namespace chimera {
namespace {

using ::chimera::testing::IsInvalid;
using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

class SafetensorsShardsTest : public ::testing::Test {
 protected:
  void WriteIndex(const nlohmann::json& weight_map) const {
    testing::WriteFile(index_, nlohmann::json({{"weight_map", weight_map}}).dump());
  }

  absl::Status Open() const { return SafetensorsShards::Open(folder_).status(); }

  const testing::TempDirectory directory_;
  const std::string folder_ = directory_.path() + "/model";
  const std::string index_ = folder_ + "/model.safetensors.index.json";
  const testing::TinyHuggingFace model_ =
      testing::BuildTinyHuggingFace({.type = DataType::kF32, .embedding_type = DataType::kF32});
};

TEST_F(SafetensorsShardsTest, OneFileAndSeveralHoldTheSame) {
  model_.Write(directory_.path() + "/one");
  model_.WriteSharded(folder_, 3);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto one, SafetensorsShards::Open(directory_.path() + "/one"));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto several, SafetensorsShards::Open(folder_));
  EXPECT_EQ(one->main_path(), directory_.path() + "/one/model.safetensors");
  EXPECT_EQ(several->main_path(), index_);
  ASSERT_EQ(several->tensors().size(), model_.tensors.size());
  ASSERT_EQ(one->tensors().size(), model_.tensors.size());
  for (const auto& [name, tensor] : one->tensors()) {
    const auto& other = several->tensors().at(name);
    EXPECT_EQ(other.shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(other.bytes, tensor.bytes)) << name;
  }
}

TEST_F(SafetensorsShardsTest, AnyFileChangesTheStamp) {
  model_.WriteSharded(folder_, 3);
  const FileStamp before = SafetensorsShards::Open(folder_).value()->stamp();
  EXPECT_EQ(SafetensorsShards::Open(folder_).value()->stamp(), before);
  for (const char* name : {"model-0.safetensors", "model-2.safetensors"}) {
    const std::string path = folder_ + "/" + name;
    const auto time = std::filesystem::last_write_time(path);
    std::filesystem::last_write_time(path, time - std::chrono::hours(1));
    EXPECT_NE(SafetensorsShards::Open(folder_).value()->stamp(), before) << name;
    std::filesystem::last_write_time(path, time);
    EXPECT_EQ(SafetensorsShards::Open(folder_).value()->stamp(), before);
  }
}

TEST_F(SafetensorsShardsTest, MissingFilesAreNamed) {
  EXPECT_THAT(Open(),
              StatusIs(absl::StatusCode::kNotFound, folder_ + " has neither model.safetensors nor "
                                                              "model.safetensors.index.json"));
  model_.WriteSharded(folder_, 2);
  std::filesystem::remove(folder_ + "/model-1.safetensors");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/model-1.safetensors")));
}

TEST_F(SafetensorsShardsTest, AnIndexStaysInItsFolder) {
  model_.WriteSharded(folder_, 1);
  for (const std::string& name :
       {std::string("../model/model-0.safetensors"), std::string("/etc/passwd"), std::string(".."),
        std::string(), std::string("model-0.safetensors\0", 20)}) {
    WriteIndex({{"model.norm.weight", name}});
    EXPECT_THAT(Open(), IsInvalid("model.safetensors.index.json: key weight_map.model.norm.weight "
                                  "must be the name of a file in the same folder"));
  }
  WriteIndex({{"model.norm.weight", 7}});
  EXPECT_THAT(Open(), IsInvalid("must be the name of a file"));
  WriteIndex(nlohmann::json::object());
  EXPECT_THAT(Open(), IsInvalid("key weight_map is empty"));
  WriteIndex(nullptr);
  EXPECT_THAT(Open(), IsInvalid("key weight_map is missing"));
}

TEST_F(SafetensorsShardsTest, AnIndexThatContradictsItsFiles) {
  model_.WriteSharded(folder_, 1);
  nlohmann::json map;
  for (const auto& [name, tensor] : model_.tensors) map[name] = "model-0.safetensors";
  nlohmann::json longer = map;
  longer["more"] = "model-0.safetensors";
  WriteIndex(longer);
  EXPECT_THAT(Open(), IsInvalid("lists the tensor more, which model-0.safetensors does not have"));
  map.erase("model.norm.weight");
  WriteIndex(map);
  EXPECT_THAT(Open(), IsInvalid("does not list the tensor model.norm.weight of model-0"));
  std::filesystem::copy_file(folder_ + "/model-0.safetensors", folder_ + "/model-1.safetensors");
  map["model.norm.weight"] = "model-1.safetensors";
  WriteIndex(map);
  EXPECT_THAT(Open(), IsInvalid("does not list the tensor model.norm.weight of model-0"));
}

}  // namespace
}  // namespace chimera
