#include "tests/fuzz/allocation_limit.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "common/base/check.h"

// Of the sanitizers' runtimes, where one is linked.
// NOLINTBEGIN(bugprone-reserved-identifier): theirs
extern "C" __attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void*, size_t), void (*on_free)(const volatile void*));
extern "C" __attribute__((weak)) void __sanitizer_print_stack_trace();
// NOLINTEND(bugprone-reserved-identifier)

namespace chimera::testing {
namespace {

constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

std::atomic<size_t> limit = kUnlimited;

// Inside malloc, hence without allocating.
void OnMalloc(const volatile void*, size_t size) {
  const size_t allowed = limit.load(std::memory_order_relaxed);
  if (size <= allowed) return;
  limit = kUnlimited;  // what is printed below may allocate
  char message[128];
  const int length =
      std::snprintf(message, sizeof(message),
                    "an allocation of %zu bytes, at most %zu are allowed\n", size, allowed);
  if (write(STDERR_FILENO, message, static_cast<size_t>(length)) == length &&
      __sanitizer_print_stack_trace != nullptr) {
    __sanitizer_print_stack_trace();
  }
  std::abort();
}

void OnFree(const volatile void*) {}

void InstallHooks() {
  if (__sanitizer_install_malloc_and_free_hooks == nullptr) return;
  // There is room for a few; libFuzzer takes one.
  CHIMERA_CHECK(__sanitizer_install_malloc_and_free_hooks(OnMalloc, OnFree) != 0);
}

}  // namespace

AllocationLimit::AllocationLimit(size_t input_bytes, size_t factor, size_t floor_bytes) {
  [[maybe_unused]] static const bool installed = (InstallHooks(), true);
  const size_t before = limit.exchange(std::max(floor_bytes, factor * input_bytes));
  CHIMERA_CHECK(before == kUnlimited) << "one at a time";
}

AllocationLimit::~AllocationLimit() { limit = kUnlimited; }

}  // namespace chimera::testing
