#include "common/base/sha256.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

namespace chimera {
namespace {

std::string HashOf(const std::string& text) {
  Sha256 hash;
  hash.AddBytes(std::as_bytes(std::span(text)));
  return hash.Finish();
}

// Examples of FIPS 180-4, published by NIST.
TEST(Sha256Test, KnownAnswers) {
  EXPECT_EQ(HashOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HashOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, BytesInPiecesAreBytesAtOnce) {
  Sha256 hash;
  for (const char c : std::string("abc")) {
    hash.AddBytes(std::as_bytes(std::span(&c, 1)));
  }
  EXPECT_EQ(hash.Finish(), HashOf("abc"));
}

TEST(Sha256Test, StringsKeepTheirBounds) {
  Sha256 one, other;
  one.AddString("ab");
  one.AddString("c");
  other.AddString("a");
  other.AddString("bc");
  EXPECT_NE(one.Finish(), other.Finish());
}

TEST(Sha256Test, IntegersAreEightBytesLittleEndian) {
  Sha256 hash;
  hash.AddInteger(-2);
  EXPECT_EQ(hash.Finish(), HashOf("\xfe\xff\xff\xff\xff\xff\xff\xff"));
}

}  // namespace
}  // namespace chimera
