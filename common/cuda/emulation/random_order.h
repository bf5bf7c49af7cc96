// The source of the order in which an emulator lets threads and blocks run.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_RANDOM_ORDER_H_
#define CHIMERA_COMMON_CUDA_EMULATION_RANDOM_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace chimera::emulation {

// Random choices that follow from a seed (SplitMix64 of Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014). Not thread-safe.
class RandomOrder {
 public:
  explicit RandomOrder(uint64_t seed) : state_(seed) {}

  // A number below `limit`. REQUIRES: 0 < limit < 2^32.
  size_t Below(size_t limit) { return static_cast<size_t>((Next() >> 32) * limit >> 32); }

  // Removes a random element of `set`, which loses its order. REQUIRES: it is not empty.
  int Take(std::vector<int>* set) {
    std::swap((*set)[Below(set->size())], set->back());
    const int element = set->back();
    set->pop_back();
    return element;
  }

 private:
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_RANDOM_ORDER_H_
