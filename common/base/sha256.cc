#include "common/base/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "absl/strings/escaping.h"
#include "common/base/check.h"

namespace chimera {

void Sha256::ContextDeleter::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHIMERA_CHECK(context_ != nullptr &&
                EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1)
      << "libcrypto without SHA-256";
}

Sha256::~Sha256() = default;

void Sha256::AddBytes(std::span<const std::byte> bytes) {
  CHIMERA_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

void Sha256::AddInteger(int64_t value) {
  std::array<std::byte, 8> bytes;
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * i));
  }
  AddBytes(bytes);
}

void Sha256::AddString(absl::string_view text) {
  AddInteger(static_cast<int64_t>(text.size()));
  AddBytes(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  CHIMERA_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

}  // namespace chimera
