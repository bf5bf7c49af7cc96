// Lays out safetensors files for tests, valid ones and others.

#ifndef CHIMERA_TESTS_COMMON_MODEL_SAFETENSORS_BYTES_H_
#define CHIMERA_TESTS_COMMON_MODEL_SAFETENSORS_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace chimera::testing {

// A file of `header`, whose size it states truly, and `data`.
inline std::string SafetensorsBytes(absl::string_view header, absl::string_view data) {
  const uint64_t size = header.size();
  return absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&size), sizeof(size)), header,
                      data);
}

// A tensor's entry in the header.
inline std::string TensorJson(absl::string_view name, absl::string_view type,
                              absl::string_view shape, uint64_t begin, uint64_t end) {
  return absl::StrCat("\"", name, "\":{\"dtype\":\"", type, "\",\"shape\":", shape,
                      ",\"data_offsets\":[", begin, ",", end, "]}");
}

// A tensor's bytes as text.
inline std::string TextOf(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_MODEL_SAFETENSORS_BYTES_H_
