// The hidden states of a sequence's last positions, kept so that a drafter can be brought up to
// date.

#ifndef CHIMERA_VERIFIER_ENGINE_HIDDEN_HISTORY_H_
#define CHIMERA_VERIFIER_ENGINE_HIDDEN_HISTORY_H_

#include <cstdint>
#include <span>
#include <vector>

namespace chimera {

// Rows of consecutive positions [start(), end()): of those added at least the last `window`, and
// less than twice as many. One thread.
class HiddenHistory {
 public:
  // Forgets all rows. From now on a row has `row_size` elements, [n_tapped, hidden_size]; row_size
  // 0 keeps nothing. A later Append may begin at any position. REQUIRES: window is positive, any
  // size, if row_size is.
  void Reset(int64_t row_size, int32_t window);

  // Adds the row of `position`. A position that does not follow the last one starts afresh.
  void Append(int32_t position, std::span<const uint16_t> row);

  // Rows of positions [from, to), contiguous. REQUIRES: start() <= from <= to <= end(). Valid until
  // the next Append or Reset.
  std::span<const uint16_t> Rows(int32_t from, int32_t to) const;

  int32_t start() const { return start_; }
  int32_t end() const { return end_; }
  int64_t row_size() const { return row_size_; }

 private:
  int64_t row_size_ = 0;
  int32_t window_ = 0;
  int32_t start_ = 0;
  int32_t end_ = 0;
  std::vector<uint16_t> rows_;  // bf16 bits
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_HIDDEN_HISTORY_H_
