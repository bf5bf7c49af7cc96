// Weights of random blocks, extreme ones among them.

#ifndef CHIMERA_TESTS_COMMON_CPU_RANDOM_WEIGHT_H_
#define CHIMERA_TESTS_COMMON_CPU_RANDOM_WEIGHT_H_

#include <cstring>
#include <random>
#include <vector>

#include "common/base/float16.h"
#include "common/model/tensor_view.h"

namespace chimera::testing {

// Owns the bytes of a weight as a model file would have them.
class RandomWeight {
 public:
  RandomWeight(DataType type, int64_t rows, int64_t columns, std::mt19937* random)
      : type_(type), rows_(rows), columns_(columns) {
    bytes_.resize(rows * columns / BlockElements(type) * BlockBytes(type));
    for (size_t at = 0; at < bytes_.size(); at += BlockBytes(type)) FillBlock(at, random);
  }

  TensorView view() const {
    return {.type = type_, .rows = rows_, .columns = columns_, .bytes = bytes_};
  }

 private:
  void FillBlock(size_t at, std::mt19937* random) {
    std::byte* block = bytes_.data() + at;
    const float value = (static_cast<float>((*random)() % 2001) - 1000.0f) / 997.0f;
    if (type_ == DataType::kF32) {
      std::memcpy(block, &value, sizeof(value));
      return;
    }
    if (BlockElements(type_) == 1) {
      PutHalf(type_ == DataType::kF16 ? FloatToHalf(value) : FloatToBf16(value), block);
      return;
    }
    // One block in four has the largest integers of either sign only: sums must not overflow.
    const bool is_extreme = (*random)() % 4 == 0;
    const std::byte extreme = type_ == DataType::kQ8_0 ? std::byte{0x80} : std::byte{0xff};
    for (int64_t i = 2; i < BlockBytes(type_); ++i) {
      block[i] = is_extreme ? extreme : static_cast<std::byte>((*random)() % 256);
    }
    PutHalf(FloatToHalf(value), block);
    if (type_ == DataType::kQ4_1) PutHalf(FloatToHalf(value * -7.5f), block + 2);
  }

  static void PutHalf(uint16_t half, std::byte* to) { std::memcpy(to, &half, sizeof(half)); }

  DataType type_;
  int64_t rows_;
  int64_t columns_;
  std::vector<std::byte> bytes_;
};

// Activations of several magnitudes; some blocks are zero, some saturate at both ends.
inline std::vector<float> RandomActivations(int64_t size, std::mt19937* random) {
  std::vector<float> x(size);
  for (int64_t i = 0; i < size; ++i) {
    const uint32_t kind = static_cast<uint32_t>(i / 32 * 2654435761u) >> 29;
    const float unit = (static_cast<float>((*random)() % 65537) - 32768.0f) / 32768.0f;
    x[i] = kind == 0   ? 0.0f
           : kind == 1 ? (unit < 0 ? -3.0f : 3.0f)
                       : unit * static_cast<float>(kind);
  }
  return x;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CPU_RANDOM_WEIGHT_H_
