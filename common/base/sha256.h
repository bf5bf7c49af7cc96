// SHA-256 (FIPS 180-4) of a stream of values.

#ifndef CHIMERA_COMMON_BASE_SHA256_H_
#define CHIMERA_COMMON_BASE_SHA256_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace chimera {

// Usage: any number of Add..., then Finish once. One thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();

  // The bytes as they are.
  void AddBytes(std::span<const std::byte> bytes);

  // Eight bytes, little-endian two's complement.
  void AddInteger(int64_t value);

  // The length as an integer, then the bytes: no two sequences of values feed the same stream.
  void AddString(absl::string_view text);

  // The digest as 64 lower-case hexadecimal digits.
  std::string Finish();

 private:
  struct ContextDeleter {
    void operator()(evp_md_ctx_st* context) const;
  };

  std::unique_ptr<evp_md_ctx_st, ContextDeleter> context_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_SHA256_H_
