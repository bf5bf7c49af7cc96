#include "common/model/safetensors_shards.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/model/json_document.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

constexpr char kFile[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kWeightMap[] = "weight_map";

// A name that stays within its folder.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string("/\0", 2)) == std::string::npos;
}

// Tensor -> file.
absl::StatusOr<std::map<std::string, std::string>> ReadWeightMap(absl::string_view text) {
  CHIMERA_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(kIndex, text));
  const JsonObject root = document.root();
  CHIMERA_ASSIGN_OR_RETURN(const JsonObject map,
                           Required(root.Object(kWeightMap), root, kWeightMap));
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : map.members().items()) {
    if (!file.is_string() || !IsPlainName(file.get_ref<const std::string&>())) {
      return map.Error(tensor, "must be the name of a file in the same folder");
    }
    files.emplace(tensor, file.get<std::string>());
  }
  if (files.empty()) return root.Error(kWeightMap, "is empty");
  return files;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsShards>> SafetensorsShards::Open(
    const std::string& folder) {
  auto shards = absl::WrapUnique(new SafetensorsShards());
  shards->main_path_ = absl::StrCat(folder, "/", kFile);
  const absl::Status status = shards->AddFile(shards->main_path_);
  if (absl::IsNotFound(status)) {
    CHIMERA_RETURN_IF_ERROR(shards->OpenListed(folder));
  } else {
    CHIMERA_RETURN_IF_ERROR(status);
  }
  return shards;
}

absl::Status SafetensorsShards::OpenListed(const std::string& folder) {
  main_path_ = absl::StrCat(folder, "/", kIndex);
  absl::StatusOr<std::unique_ptr<MappedFile>> index = MappedFile::Open(main_path_);
  if (absl::IsNotFound(index.status())) {
    return absl::NotFoundError(absl::StrCat(folder, " has neither ", kFile, " nor ", kIndex));
  }
  CHIMERA_RETURN_IF_ERROR(index.status());
  index_ = *std::move(index);
  CHIMERA_ASSIGN_OR_RETURN(
      const auto weight_map,
      ReadWeightMap(absl::string_view(reinterpret_cast<const char*>(index_->bytes().data()),
                                      index_->bytes().size())));
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map) names.insert(file);
  if (names.size() > kMaxShards) {
    return absl::InvalidArgumentError(
        absl::StrCat(main_path_, " lists ", names.size(), " files, must be at most ", kMaxShards));
  }
  for (const std::string& name : names) {
    CHIMERA_RETURN_IF_ERROR(AddFile(absl::StrCat(folder, "/", name)));
    for (const auto& [tensor, content] : files_.back()->tensors()) {
      const auto listed = weight_map.find(tensor);
      if (listed == weight_map.end() || listed->second != name) {
        return absl::InvalidArgumentError(absl::StrCat(main_path_, " does not list the tensor ",
                                                       Printable(tensor), " of ", Printable(name)));
      }
    }
  }
  for (const auto& [tensor, file] : weight_map) {
    if (tensors_.contains(tensor)) continue;
    return absl::InvalidArgumentError(absl::StrCat(main_path_, " lists the tensor ",
                                                   Printable(tensor), ", which ", Printable(file),
                                                   " does not have"));
  }
  return absl::OkStatus();
}

absl::Status SafetensorsShards::AddFile(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file, SafetensorsFile::Open(path));
  tensors_.insert(file->tensors().begin(), file->tensors().end());
  files_.push_back(std::move(file));
  return absl::OkStatus();
}

FileStamp SafetensorsShards::stamp() const {
  std::vector<FileStamp> stamps;
  for (const auto& file : files_) stamps.push_back(file->stamp());
  if (index_ != nullptr) stamps.push_back(index_->stamp());
  if (stamps.size() == 1) return stamps.front();
  // The digest of all stands in for the inode; the newest time tells whether they have settled.
  Sha256 hash;
  FileStamp all;
  for (const FileStamp& stamp : stamps) {
    hash.AddInteger(static_cast<int64_t>(stamp.size));
    hash.AddInteger(stamp.modification_time_ns);
    hash.AddInteger(static_cast<int64_t>(stamp.inode));
    all.size += stamp.size;
    all.modification_time_ns = std::max(all.modification_time_ns, stamp.modification_time_ns);
  }
  const std::string digest = hash.Finish();
  std::from_chars(digest.data(), digest.data() + 16, all.inode, 16);
  return all;
}

void SafetensorsShards::ReleaseMemory() const {
  for (const auto& file : files_) file->ReleaseMemory();
}

}  // namespace chimera
