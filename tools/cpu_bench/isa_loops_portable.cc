#include "tools/cpu_bench/read_loop.h"

namespace chimera::cpu_bench_internal {
namespace {

struct PortableWords {
  typedef uint64_t Vector __attribute__((vector_size(16)));
};

constexpr int64_t kPairs = kOperandBytes / 2;

uint32_t Multiply(const int8_t* operands, int64_t round_count) {
  uint32_t sum = 0;
  for (; round_count > 0; --round_count) {
    // The compiler must not take the rounds for one and the same.
    asm volatile("" : "+r"(operands) : : "memory");
    for (int64_t i = 0; i < kPairs; ++i) {
      sum += static_cast<uint32_t>(operands[i] * operands[kPairs + i]);
    }
  }
  return sum;
}

}  // namespace

constinit const IsaLoops kPortableLoops = {
    .read = ReadWords<PortableWords>, .multiply = Multiply, .macs_per_round = kPairs};

}  // namespace chimera::cpu_bench_internal
