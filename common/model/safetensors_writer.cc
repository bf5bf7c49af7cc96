#include "common/model/safetensors_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

using Json = nlohmann::json;
using EntryOrder = std::vector<const SafetensorsEntry*>;

constexpr size_t kDataAlignment = 64;

// `text` as JSON.
absl::StatusOr<std::string> Quote(absl::string_view what, const std::string& text) {
  std::string quoted =
      Json(text).dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  // What is not UTF-8 has been replaced, and does not come back.
  if (Json::parse(quoted).get<std::string>() == text) return quoted;
  return absl::InvalidArgumentError(absl::StrCat(what, " ", Printable(text), " is not UTF-8"));
}

// Large elements first, as the reference implementation does: each tensor is then aligned without
// gaps, which the format forbids.
EntryOrder OrderInFile(std::span<const SafetensorsEntry> entries) {
  EntryOrder order;
  for (const SafetensorsEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    const int64_t a_bytes = SafetensorsTypeBytes(a->type);
    const int64_t b_bytes = SafetensorsTypeBytes(b->type);
    return a_bytes != b_bytes ? a_bytes > b_bytes : a->name < b->name;
  });
  return order;
}

absl::Status CheckNames(std::span<const SafetensorsEntry> entries) {
  std::vector<absl::string_view> names = {kSafetensorsMetadataKey};
  for (const SafetensorsEntry& entry : entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  if (*twice == kSafetensorsMetadataKey) {
    return absl::InvalidArgumentError(absl::StrCat("no tensor can have the name ", *twice));
  }
  return absl::InvalidArgumentError(absl::StrCat("there are two tensors ", Printable(*twice)));
}

absl::Status CheckEntries(std::span<const SafetensorsEntry> entries,
                          const std::map<std::string, std::string>& metadata) {
  if (entries.size() > kMaxSafetensorsTensors) {
    return absl::InvalidArgumentError(absl::StrCat(
        "there are ", entries.size(), " tensors, must be at most ", kMaxSafetensorsTensors));
  }
  if (metadata.size() > kMaxSafetensorsMetadataKeys) {
    return absl::InvalidArgumentError(absl::StrCat("there are ", metadata.size(),
                                                   " metadata keys, must be at most ",
                                                   kMaxSafetensorsMetadataKeys));
  }
  CHIMERA_RETURN_IF_ERROR(CheckNames(entries));
  for (const SafetensorsEntry& entry : entries) {
    CHIMERA_RETURN_IF_ERROR(CheckSafetensorsTensor(
        entry.name, {.type = entry.type, .shape = entry.shape, .bytes = entry.bytes}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MetadataJson(const std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  for (const auto& [key, value] : metadata) {
    CHIMERA_ASSIGN_OR_RETURN(const std::string quoted_key, Quote("metadata key", key));
    CHIMERA_ASSIGN_OR_RETURN(const std::string quoted_value,
                             Quote(absl::StrCat("metadata ", Printable(key)), value));
    absl::StrAppend(&json, json.size() > 1 ? "," : "", quoted_key, ":", quoted_value);
  }
  return absl::StrCat(json, "}");
}

// What stands before the data: size and JSON, padded.
absl::StatusOr<std::string> MakeHeader(const EntryOrder& order,
                                       const std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  if (!metadata.empty()) {
    CHIMERA_ASSIGN_OR_RETURN(const std::string strings, MetadataJson(metadata));
    absl::StrAppend(&json, "\"", kSafetensorsMetadataKey, "\":", strings);
  }
  uint64_t offset = 0;
  for (const SafetensorsEntry* entry : order) {
    CHIMERA_ASSIGN_OR_RETURN(const std::string name, Quote("tensor name", entry->name));
    const uint64_t end = offset + entry->bytes.size();
    absl::StrAppend(&json, json.size() > 1 ? "," : "", name, ":{\"dtype\":\"",
                    SafetensorsTypeName(entry->type), "\",\"shape\":[",
                    absl::StrJoin(entry->shape, ","));
    absl::StrAppend(&json, "],\"data_offsets\":[", offset, ",", end, "]}");
    offset = end;
  }
  json += '}';
  const size_t unaligned = (sizeof(uint64_t) + json.size()) % kDataAlignment;
  json.append((kDataAlignment - unaligned) % kDataAlignment, ' ');
  const uint64_t size = json.size();
  if (size > kMaxSafetensorsHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header has ", size, " bytes, must be at most ", kMaxSafetensorsHeaderBytes));
  }
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + json;
}

absl::Status WriteAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "cannot write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteToDisk(int fd, absl::string_view header, const EntryOrder& order) {
  CHIMERA_RETURN_IF_ERROR(WriteAll(fd, std::as_bytes(std::span(header.data(), header.size()))));
  for (const SafetensorsEntry* entry : order) {
    CHIMERA_RETURN_IF_ERROR(WriteAll(fd, entry->bytes));
  }
  if (fsync(fd) != 0) return absl::ErrnoToStatus(errno, "cannot bring to the disk");
  return absl::OkStatus();
}

// Writes to `path`.tmp and renames it.
absl::Status Replace(const std::string& path, absl::string_view header, const EntryOrder& order) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  const int fd =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot create a file with .tmp added to the name");
  absl::Status status = WriteToDisk(fd, header, order);
  if (close(fd) != 0) status.Update(absl::ErrnoToStatus(errno, "cannot close"));
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, "cannot rename to this");
  }
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status CheckAndWrite(const std::string& path, std::span<const SafetensorsEntry> entries,
                           const std::map<std::string, std::string>& metadata) {
  CHIMERA_RETURN_IF_ERROR(CheckEntries(entries, metadata));
  const EntryOrder order = OrderInFile(entries);
  CHIMERA_ASSIGN_OR_RETURN(const std::string header, MakeHeader(order, metadata));
  return Replace(path, header, order);
}

}  // namespace

absl::Status WriteSafetensors(const std::string& path, std::span<const SafetensorsEntry> entries,
                              const std::map<std::string, std::string>& metadata) {
  const absl::Status status = CheckAndWrite(path, entries, metadata);
  if (status.ok()) return absl::OkStatus();
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace chimera
