#include "common/cuda/emulation/warp_operation.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "common/base/check.h"

namespace chimera::emulation {
namespace {

// Bytes of a row of an 8x8 matrix of bf16.
constexpr size_t kMatrixRowBytes = 16;

uint16_t Half(uint32_t pair, int index) { return static_cast<uint16_t>(pair >> (16 * index)); }

void Shuffle(WarpOperation operation, const WarpRegisters& operands, WarpRegisters* results) {
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const auto parameter = static_cast<int>(operands[lane][1]);
    int source = parameter;
    if (operation == WarpOperation::kShuffleXor) source = lane ^ parameter;
    if (operation == WarpOperation::kShuffleDown) {
      source = lane + parameter < kWarpSize ? lane + parameter : lane;
    }
    CHIMERA_CHECK(source >= 0 && source < kWarpSize)
        << WarpOperationName(operation) << " of lane " << lane << " reads lane " << source;
    (*results)[lane][0] = operands[source][0];
  }
}

void Ballot(const WarpRegisters& operands, WarpRegisters* results) {
  uint32_t votes = 0;
  for (int lane = 0; lane < kWarpSize; ++lane) votes |= (operands[lane][0] & 1u) << lane;
  for (LaneRegisters& result : *results) result[0] = votes;
}

void ReduceMax(const WarpRegisters& operands, WarpRegisters* results) {
  uint32_t greatest = 0;
  for (const LaneRegisters& lane : operands) greatest = std::max(greatest, lane[0]);
  for (LaneRegisters& result : *results) result[0] = greatest;
}

// Lane 4 g + c holds, of A [16, 16], rows g and g + 8, columns 2 c, 2 c + 1 and 8 beyond; of B
// [16, 8], column g, rows likewise; of C and D [16, 8], rows g and g + 8, columns 2 c and 2 c + 1.
void Mma(TensorCoreModel model, const WarpRegisters& operands, WarpRegisters* results) {
  std::array<std::array<uint16_t, kTensorCoreDepth>, 16> a;  // [row, depth]
  std::array<std::array<uint16_t, kTensorCoreDepth>, 8> b;   // [column, depth]
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const LaneRegisters& registers = operands[lane];
    const int group = lane / 4;
    for (int half = 0; half < 2; ++half) {
      const int depth = lane % 4 * 2 + half;
      a[group][depth] = Half(registers[0], half);
      a[group + 8][depth] = Half(registers[1], half);
      a[group][depth + 8] = Half(registers[2], half);
      a[group + 8][depth + 8] = Half(registers[3], half);
      b[group][depth] = Half(registers[4], half);
      b[group][depth + 8] = Half(registers[5], half);
    }
  }
  const std::vector<TensorCoreOperand> rows(a.begin(), a.end());
  const std::vector<TensorCoreOperand> columns(b.begin(), b.end());
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8;
      const int column = lane % 4 * 2 + i % 2;
      const auto accumulator = std::bit_cast<float>(operands[lane][6 + i]);
      const float sum = TensorCoreDot(model, rows[row], columns[column], accumulator);
      (*results)[lane][i] = std::bit_cast<uint32_t>(sum);
    }
  }
}

// Lanes 8 m to 8 m + 7 name the rows of matrix m. Lane 4 r + c gets elements 2 c and 2 c + 1 of row
// r; transposed, of column r.
void LoadMatrix(int matrix_count, bool is_transposed, std::span<const std::byte> shared_memory,
                const WarpRegisters& operands, WarpRegisters* results) {
  for (int matrix = 0; matrix < matrix_count; ++matrix) {
    uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      const size_t offset = operands[8 * matrix + row][0];
      CHIMERA_CHECK(offset % kMatrixRowBytes == 0 &&
                    offset + kMatrixRowBytes <= shared_memory.size())
          << "ldmatrix reads row " << row << " of matrix " << matrix << " at byte " << offset
          << " of " << shared_memory.size();
      std::memcpy(elements[row], shared_memory.data() + offset, kMatrixRowBytes);
    }
    for (int lane = 0; lane < kWarpSize; ++lane) {
      const int row = lane / 4;
      const int column = lane % 4 * 2;
      const uint32_t low = is_transposed ? elements[column][row] : elements[row][column];
      const uint32_t high = is_transposed ? elements[column + 1][row] : elements[row][column + 1];
      (*results)[lane][matrix] = high << 16 | low;
    }
  }
}

}  // namespace

const char* WarpOperationName(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::kSync:
      return "warp barrier";
    case WarpOperation::kShuffle:
      return "shuffle";
    case WarpOperation::kShuffleXor:
      return "shuffle xor";
    case WarpOperation::kShuffleDown:
      return "shuffle down";
    case WarpOperation::kBallot:
      return "ballot";
    case WarpOperation::kReduceMax:
      return "reduction to the maximum";
    case WarpOperation::kMma:
      return "mma";
    case WarpOperation::kLoadMatrixX2:
      return "ldmatrix x2";
    case WarpOperation::kLoadMatrixX4:
      return "ldmatrix x4";
    case WarpOperation::kLoadMatrixX2Transposed:
      return "ldmatrix x2 trans";
    case WarpOperation::kLoadMatrixX4Transposed:
      return "ldmatrix x4 trans";
  }
  return "unknown operation";
}

void ComputeWarpOperation(WarpOperation operation, const WarpEnvironment& environment,
                          const WarpRegisters& operands, WarpRegisters* results) {
  switch (operation) {
    case WarpOperation::kSync:
      return;
    case WarpOperation::kShuffle:
    case WarpOperation::kShuffleXor:
    case WarpOperation::kShuffleDown:
      return Shuffle(operation, operands, results);
    case WarpOperation::kBallot:
      return Ballot(operands, results);
    case WarpOperation::kReduceMax:
      return ReduceMax(operands, results);
    case WarpOperation::kMma:
      return Mma(environment.tensor_core, operands, results);
    case WarpOperation::kLoadMatrixX2:
      return LoadMatrix(2, false, environment.shared_memory, operands, results);
    case WarpOperation::kLoadMatrixX4:
      return LoadMatrix(4, false, environment.shared_memory, operands, results);
    case WarpOperation::kLoadMatrixX2Transposed:
      return LoadMatrix(2, true, environment.shared_memory, operands, results);
    case WarpOperation::kLoadMatrixX4Transposed:
      return LoadMatrix(4, true, environment.shared_memory, operands, results);
  }
}

}  // namespace chimera::emulation
