#include "tools/gpu_bench/random_tensors.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>

#include "common/base/check.h"
#include "common/base/float16.h"

namespace chimera {
namespace {

// After so many elements they repeat themselves: a prime, so that no two rows of a matrix are
// equal.
constexpr size_t kPeriod = 1048573;

// How far the beginnings of tensors lie apart, and how many there are.
constexpr size_t kShift = 4096 + 64;
constexpr size_t kShifts = 61;

TensorView View(std::span<const uint16_t> elements, int64_t rows, int64_t columns) {
  return {
      .type = DataType::kBf16, .rows = rows, .columns = columns, .bytes = std::as_bytes(elements)};
}

}  // namespace

std::vector<uint16_t> RandomBf16(size_t count, float limit) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-limit, limit);
  std::vector<uint16_t> elements(count);
  const size_t drawn = std::min(count, kPeriod);
  for (size_t i = 0; i < drawn; ++i) elements[i] = FloatToBf16(uniform(random));
  for (size_t i = drawn; i < count; i += drawn) {
    std::copy_n(elements.begin(), std::min(drawn, count - i),
                elements.begin() + static_cast<int64_t>(i));
  }
  return elements;
}

RandomTensors::RandomTensors(int64_t hidden_size, int64_t most_elements, int64_t most_norm_elements)
    // Products of normalised rows have a variance of 1 then.
    : block_(RandomBf16(static_cast<size_t>(most_elements) + kShift * kShifts,
                        std::sqrt(3.0f / static_cast<float>(hidden_size)))),
      ones_(most_norm_elements, FloatToBf16(1.0f)) {}

TensorView RandomTensors::Matrix(int64_t rows, int64_t columns) {
  const size_t begin = next_begin_;
  next_begin_ = (next_begin_ + kShift) % (kShift * kShifts);
  const auto size = static_cast<size_t>(rows * columns);
  CHIMERA_CHECK(size + kShift * kShifts <= block_.size());
  return View(std::span(block_).subspan(begin, size), rows, columns);
}

TensorView RandomTensors::Norms(int64_t rows, int64_t columns) const {
  const auto size = static_cast<size_t>(rows * columns);
  CHIMERA_CHECK(size <= ones_.size());
  return View(std::span(ones_).first(size), rows, columns);
}

}  // namespace chimera
