// Compares the tensor cores of a device with a model of them.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_CHECK_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "common/cuda/emulation/tensor_core_model.h"
#include "common/cuda/runtime/device.h"
#include "tests/common/cuda/gpu/tensor_core_fragments.h"

namespace chimera::testing {

// The published model of a device, if there is one for its compute capability.
std::optional<emulation::TensorCoreModel> PublishedModel(const cuda::DeviceInfo& device);

struct TensorCoreMismatches {
  int count = 0;                      // elements whose bits differ
  std::vector<std::string> examples;  // the operands of some of them, bit by bit: one a fragment
};

// Runs device::MultiplyAccumulate on the thread's device for all fragments.
TensorCoreMismatches CompareTensorCores(emulation::TensorCoreModel model,
                                        const std::vector<TensorCoreFragments>& fragments);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_CHECK_H_
