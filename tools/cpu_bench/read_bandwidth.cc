#include "tools/cpu_bench/read_bandwidth.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "common/cpu/aligned_buffer.h"

namespace chimera {
namespace {

// Processors differ in how many streams their prefetchers follow best.
constexpr int64_t kStreamCounts[] = {1, 2, 4};
constexpr int64_t kPartUnit = 4 * kReadStep;

}  // namespace

double MeasureReadBandwidth(const IsaLoops& loops, ThreadPool* pool, const Timing& timing) {
  const int64_t threads = pool->thread_count();
  const int64_t part =
      (kReadBufferBytes + threads * kPartUnit - 1) / (threads * kPartUnit) * kPartUnit;
  AlignedBuffer buffer(threads * part);
  std::atomic<uint64_t> checksum = 0;
  const auto for_each_part = [&](auto&& body) {
    pool->ParallelFor(threads, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) body(buffer.data() + i * part);
    });
  };
  // Memory exists once it is written; each thread writes what it will read, and so has it near.
  for_each_part([&](std::byte* data) { std::memset(data, 1, part); });

  double best = 0;
  for (const int64_t streams : kStreamCounts) {
    const double seconds = BestTime(timing, [&] {
      for_each_part([&](const std::byte* data) { checksum += loops.read(data, part, streams); });
    });
    best = std::max(best, static_cast<double>(threads * part) / seconds);
  }
  return best;
}

}  // namespace chimera
