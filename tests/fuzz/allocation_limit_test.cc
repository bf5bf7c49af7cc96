#include "tests/fuzz/allocation_limit.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace chimera::testing {
namespace {

constexpr size_t kInput = AllocationLimit::kFloorBytes;

// Called by name: a compiler may leave out a new-expression whose memory nobody uses.
void Allocate(size_t bytes) { ::operator delete(::operator new(bytes)); }

TEST(AllocationLimitTest, AllowsFourTimesTheInput) {
  const AllocationLimit limit(kInput);
  Allocate(4 * kInput);
}

TEST(AllocationLimitTest, AllowsTheFloorForAnyInput) {
  const AllocationLimit limit(0);
  Allocate(AllocationLimit::kFloorBytes);
}

TEST(AllocationLimitTest, AllowsMoreWhereTheRuleSaysSo) {
  {
    const AllocationLimit limit(kInput, AllocationLimit::kTextFactor);
    Allocate(16 * kInput);
  }
  const AllocationLimit limit(1, AllocationLimit::kFactor,
                              AllocationLimit::kConversationFloorBytes);
  Allocate(AllocationLimit::kConversationFloorBytes);
}

TEST(AllocationLimitTest, BoundsNothingOnceItIsGone) {
  { const AllocationLimit limit(0); }
  Allocate(AllocationLimit::kFloorBytes + 1);
}

TEST(AllocationLimitDeathTest, EndsTheProcessBeyondIt) {
  const char* const message = "an allocation of 65537 bytes, at most 65536 are allowed";
  EXPECT_DEATH(
      {
        const AllocationLimit limit(kInput);
        Allocate(4 * kInput + 1);
      },
      message);
  // A C library's allocation is seen as well.
  EXPECT_DEATH(
      {
        const AllocationLimit limit(kInput);
        void* volatile memory = std::malloc(4 * kInput + 1);
        std::free(memory);
      },
      message);
}

}  // namespace
}  // namespace chimera::testing
