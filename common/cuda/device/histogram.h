// Counts and weights by bin in shared memory, and where their running sums reach a target. Sums are
// of whole numbers: no order of threads changes them.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_HISTOGRAM_H_
#define CHIMERA_COMMON_CUDA_DEVICE_HISTOGRAM_H_

#include "common/cuda/device/primitives.h"

namespace chimera::device {

enum class Measure { kCount, kWeight };

template <int kBins>
struct Histogram {
  static_assert(kBins % kWarpSize == 0);

  uint32_t counts[kBins];
  // Halves of the sums of weights: devices add 64 bits to shared memory in loops only.
  uint32_t low_weights[kBins];
  uint32_t high_weights[kBins];

  CHIMERA_DEVICE void Set(int bin, uint32_t count, uint64_t weight) {
    counts[bin] = count;
    low_weights[bin] = static_cast<uint32_t>(weight);
    high_weights[bin] = static_cast<uint32_t>(weight >> 32);
  }

  // Among other threads that add.
  CHIMERA_DEVICE void Add(int bin, uint64_t weight) {
    AtomicAdd(&counts[bin], 1u);
    if (weight == 0) return;
    const auto low = static_cast<uint32_t>(weight);
    const uint32_t old = AtomicAdd(&low_weights[bin], low);
    const uint32_t carry = old + low < low ? 1 : 0;
    AtomicAdd(&high_weights[bin], static_cast<uint32_t>(weight >> 32) + carry);
  }

  CHIMERA_DEVICE uint64_t Weight(int bin) const {
    return uint64_t{high_weights[bin]} << 32 | low_weights[bin];
  }
  CHIMERA_DEVICE uint64_t Get(int bin, Measure measure) const {
    return measure == Measure::kCount ? counts[bin] : Weight(bin);
  }
};

// The first bin with which the sum of bins reaches a target, and the sum of those before it. Where
// none does: the number of bins, and the sum of all.
struct Crossing {
  uint64_t before;
  int bin;
};

// The sum of the values of this lane and those below; the warp's lanes together.
CHIMERA_DEVICE uint64_t WarpRunningSum(uint64_t value) {
  CHIMERA_UNROLL
  for (int distance = 1; distance < kWarpSize; distance *= 2) {
    const bool has_neighbour = LaneIndex() >= distance;
    const int lane = has_neighbour ? LaneIndex() - distance : LaneIndex();
    const uint32_t low = Shuffle(static_cast<uint32_t>(value), lane);
    const uint32_t high = Shuffle(static_cast<uint32_t>(value >> 32), lane);
    if (has_neighbour) value += uint64_t{high} << 32 | low;
  }
  return value;
}

// For a target above 0. All threads of the block together, after a SyncThreads(). `result` is
// shared memory, which must not be written again before the next SyncThreads().
template <int kBins>
CHIMERA_DEVICE Crossing FindCrossing(const Histogram<kBins>& histogram, Measure measure,
                                     uint64_t target, Crossing* result) {
  if (WarpIndex() == 0) {
    constexpr int kLaneBins = kBins / kWarpSize;
    int bin = LaneIndex() * kLaneBins;
    uint64_t own = 0;
    for (int i = 0; i < kLaneBins; ++i) own += histogram.Get(bin + i, measure);
    const uint64_t through = WarpRunningSum(own);
    uint64_t before = through - own;
    const bool is_here = before < target && target <= through;
    if (is_here) {
      uint64_t next = histogram.Get(bin, measure);
      while (before + next < target) {
        before += next;
        next = histogram.Get(++bin, measure);
      }
      *result = {before, bin};
    }
    const bool is_anywhere = Ballot(is_here) != 0;
    if (!is_anywhere && LaneIndex() == kWarpSize - 1) *result = {through, kBins};
  }
  SyncThreads();
  return *result;
}

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_HISTOGRAM_H_
