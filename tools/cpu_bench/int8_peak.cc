#include "tools/cpu_bench/int8_peak.h"

#include <atomic>
#include <cstdint>

namespace chimera {
namespace {

// Long enough for the threads' start to vanish in it.
constexpr double kLeastSeconds = 5e-3;
constexpr int64_t kFirstRounds = 256;
constexpr int64_t kMostRounds = int64_t{1} << 40;

struct alignas(64) Operands {
  int8_t values[kOperandBytes];
};

}  // namespace

double MeasureInt8Peak(const IsaLoops& loops, ThreadPool* pool, const Timing& timing) {
  Operands operands;
  for (int64_t i = 0; i < kOperandBytes; ++i) {
    operands.values[i] = static_cast<int8_t>(i * 37 % 127);
  }
  const int64_t threads = pool->thread_count();
  std::atomic<uint32_t> checksum = 0;
  int64_t rounds = kFirstRounds;
  const auto multiply = [&] {
    pool->ParallelFor(threads, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) checksum += loops.multiply(operands.values, rounds);
    });
  };
  while (rounds < kMostRounds && TimeOnce(*timing.clock, multiply) < kLeastSeconds) rounds *= 2;
  return static_cast<double>(threads * rounds * loops.macs_per_round) / BestTime(timing, multiply);
}

}  // namespace chimera
