#include "common/base/philox.h"

namespace chimera {
namespace {

constexpr int kRounds = 10;
// Multipliers of counter words 0 and 2, and what each round adds to the key words (the paper's
// section 4.2).
constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier2 = 0xCD9E8D57;
constexpr uint32_t kKeyStep0 = 0x9E3779B9;
constexpr uint32_t kKeyStep1 = 0xBB67AE85;

// The same rounds for kLanes counters: state[w][lane] is word w. The inner loop has no branch and a
// constant length, so that compilers turn it into vector instructions.
template <int kLanes>
void RunRounds(PhiloxKey key, uint32_t (&state)[4][kLanes]) {
  for (int round = 0; round < kRounds; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint64_t product0 = uint64_t{kMultiplier0} * state[0][lane];
      const uint64_t product2 = uint64_t{kMultiplier2} * state[2][lane];
      state[0][lane] = static_cast<uint32_t>(product2 >> 32) ^ state[1][lane] ^ key[0];
      state[1][lane] = static_cast<uint32_t>(product2);
      state[2][lane] = static_cast<uint32_t>(product0 >> 32) ^ state[3][lane] ^ key[1];
      state[3][lane] = static_cast<uint32_t>(product0);
    }
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
}

}  // namespace

PhiloxWords Philox4x32(const PhiloxCounter& counter, const PhiloxKey& key) {
  uint32_t state[4][1] = {{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}};
  RunRounds(key, state);
  return {state[0][0], state[1][0], state[2][0], state[3][0]};
}

void Philox4x32Batch(const PhiloxCounter& counter, const PhiloxKey& key,
                     std::span<uint32_t, size_t{4} * kPhiloxBatch> words) {
  uint32_t state[4][kPhiloxBatch];
  for (int lane = 0; lane < kPhiloxBatch; ++lane) {
    state[0][lane] = counter[0];
    state[1][lane] = counter[1];
    state[2][lane] = counter[2] + static_cast<uint32_t>(lane);
    state[3][lane] = counter[3];
  }
  RunRounds(key, state);
  for (int word = 0; word < 4; ++word) {
    for (int lane = 0; lane < kPhiloxBatch; ++lane) {
      words[word * kPhiloxBatch + lane] = state[word][lane];
    }
  }
}

}  // namespace chimera
