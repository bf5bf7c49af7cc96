// What the tests of kernels that compute row by row have in common.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_ROW_CHECKS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_ROW_CHECKS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/float16.h"
#include "common/cuda/emulation/emulator.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {

// Vectors are aligned as kernels ask of their pointers.
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= 16);

// What results are filled with before a kernel runs: a NaN that none computes.
inline constexpr uint16_t kUnwrittenBf16 = 0x7fc5;

// Shapes of tests: rows of single, full and split tiles.
inline constexpr int kRowCounts[] = {1, 2, 3, 7, 8, 9, 16, 33, 64, 65, 70};

inline std::vector<float> RandomFloats(size_t count, std::mt19937* random) {
  std::normal_distribution<float> normal;
  std::vector<float> floats(count);
  for (float& x : floats) x = normal(*random);
  return floats;
}

inline std::vector<uint16_t> RandomBf16(size_t count, std::mt19937* random) {
  std::vector<uint16_t> elements;
  for (const float x : RandomFloats(count, random)) elements.push_back(FloatToBf16(x));
  return elements;
}

// [split_count, elements]. Of three and more splits, the first two cancel each other here and there
// but for the bits that only their own order keeps: another one shows in bf16, too.
inline std::vector<float> RandomPartials(int split_count, size_t elements, std::mt19937* random) {
  std::vector<float> partials = RandomFloats(split_count * elements, random);
  for (size_t i = 0; split_count >= 3 && i < elements; i += 5) {
    partials[i] = 0x1p20f * partials[i];
    partials[elements + i] = -partials[i];
  }
  return partials;
}

// The selected rows of each of the matrices [matrix_count, row_count, size], in this order.
template <typename Element>
std::vector<Element> SelectRows(const std::vector<Element>& all, int matrix_count, int row_count,
                                const std::vector<int>& selected) {
  const int64_t size = static_cast<int64_t>(all.size()) / matrix_count / row_count;
  std::vector<Element> rows;
  for (int matrix = 0; matrix < matrix_count; ++matrix) {
    for (const int row : selected) {
      const auto begin = all.begin() + (int64_t{matrix} * row_count + row) * size;
      rows.insert(rows.end(), begin, begin + size);
    }
  }
  return rows;
}

// Where an emulator's kernel finds operands: where they are. A DeviceRun copies them instead.
struct HostMemory {
  template <typename T>
  const T* Copy(const std::vector<T>& host) const {
    return host.data();
  }
  template <typename T>
  T* CopyBothWays(std::vector<T>& host) const {
    return host.data();
  }
};

// The functions below take a kernel's operands and results in memory of the host, as a type with
//
//   using Arguments = ...;
//   template <typename Memory>
//   Arguments ArgumentsIn(Memory&& memory);               // of HostMemory or a DeviceRun
//   Arguments KernelArguments();                          // valid as long as its vectors are
//   int row_count() const;
//   Operands Select(const std::vector<int>& rows) const;  // those rows, in this order
//   RowResult(int row) const;                             // a vector: what was computed for a row
//   operator==                                            // compares all that kernels may write to
//
// for kernels that need not have the reference's bits beside it
//
//   AssertionResult AgreeWithReference(const Operands& results, Operands operands);
//
// and what is tested: a kernel's launch or a faulty one in its place.
template <typename Operands>
using Launcher = absl::Status (*)(StreamView, const typename Operands::Arguments&, LaunchOrder);

template <typename Operands>
Operands RunKernel(Launcher<Operands> launch, Operands operands, emulation::Emulator* emulator,
                   LaunchOrder order = LaunchOrder::kAfterPriorLaunch) {
  CHIMERA_EXPECT_OK(launch(StreamView(*emulator), operands.KernelArguments(), order));
  return operands;
}

// Whether the kernel leaves all that it may write to as the reference does, exactly.
template <typename Operands>
bool EqualsReference(Launcher<Operands> launch,
                     void (*reference)(const typename Operands::Arguments&), Operands operands) {
  emulation::Emulator emulator({.seed = 1});
  const Operands results = RunKernel(launch, operands, &emulator);
  reference(operands.KernelArguments());
  return results == operands;
}

// Whether the kernel's results are as near to the reference's as AgreeWithReference has it.
template <typename Operands>
::testing::AssertionResult IsCloseToReference(Launcher<Operands> launch, const Operands& operands) {
  emulation::Emulator emulator({.seed = 1});
  return AgreeWithReference(RunKernel(launch, operands, &emulator), operands);
}

// Whether rows have the same bits with all others, alone, and in another place among a few. `run`
// takes operands and returns them with the results.
template <typename Operands, typename Run>
bool RowsOfRunsAreInvariant(const Operands& operands, Run run) {
  const int row_count = operands.row_count();
  const Operands all = run(operands);
  bool is_invariant = true;
  const auto check = [&](const std::vector<int>& selected) {
    const Operands few = run(operands.Select(selected));
    for (size_t i = 0; i < selected.size(); ++i) {
      is_invariant &= few.RowResult(static_cast<int>(i)) == all.RowResult(selected[i]);
    }
  };
  for (const int row : {0, 1, row_count / 2, row_count - 1}) check({row});
  for (const int count : {2, 5, 16, 64}) {
    std::vector<int> selected;
    for (int i = 0; i < count && i < row_count; ++i) selected.push_back((3 + 17 * i) % row_count);
    check(selected);
  }
  return is_invariant;
}

template <typename Operands>
bool RowsAreInvariant(Launcher<Operands> launch, const Operands& operands) {
  emulation::Emulator emulator({.seed = 1});
  return RowsOfRunsAreInvariant(
      operands, [&](Operands rows) { return RunKernel(launch, std::move(rows), &emulator); });
}

// Whether every order of threads and blocks gives the same bits, also of a launch that may overlap
// the prior one.
template <typename Operands>
bool OrdersAgree(Launcher<Operands> launch, const Operands& operands) {
  emulation::Emulator emulator({.seed = 0});
  const Operands expected = RunKernel(launch, operands, &emulator);
  for (uint64_t seed = 1; seed < 5; ++seed) {
    emulation::Emulator other({.seed = seed});
    const LaunchOrder order =
        seed % 2 == 0 ? LaunchOrder::kAfterPriorLaunch : LaunchOrder::kOverlapsPriorLaunch;
    if (!(RunKernel(launch, operands, &other, order) == expected)) return false;
  }
  return true;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_ROW_CHECKS_H_
