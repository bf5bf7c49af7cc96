// Compares the tensor cores of a device with a model of them.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_CHECK_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_CHECK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/cuda/emulation/tensor_core_model.h"
#include "common/cuda/runtime/device.h"

namespace chimera::testing {

// Operands of one mma.sync.m16n8k16: A [16, 16] and B [16, 8] as bf16, C [16, 8] as fp32.
struct TensorCoreFragments {
  std::array<uint16_t, 256> a;
  std::array<uint16_t, 128> b;
  std::array<float, 128> c;
};

// Of exponents close together, far apart, subnormal, overflowing.
TensorCoreFragments RandomFragments(std::mt19937* random);

// Whose sums tell models apart: terms at the edge of what is cut off, terms that cancel, zeros of
// both signs, infinities and NaN.
TensorCoreFragments AdversarialFragments(std::mt19937* random);

// The published model of a device, if there is one for its compute capability.
std::optional<emulation::TensorCoreModel> PublishedModel(const cuda::DeviceInfo& device);

struct TensorCoreMismatches {
  int count = 0;      // elements whose bits differ
  std::string first;  // the operands of one of them, bit by bit
};

// Runs device::MultiplyAccumulate on the thread's device for all fragments.
TensorCoreMismatches CompareTensorCores(emulation::TensorCoreModel model,
                                        const std::vector<TensorCoreFragments>& fragments);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_CHECK_H_
