#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/runtime/emulated_device.h"
#include "tests/common/backend/backend_kind.h"

namespace chimera::testing {
namespace {

using cuda::EmulatedDevice;
using emulation::TensorCoreModel;

EmulatedDevice Device(int compute_capability, TensorCoreModel tensor_core) {
  EmulatedDevice device = cuda::DefaultEmulatedDevice();
  device.compute_capability_major = compute_capability;
  device.tensor_core = tensor_core;
  return device;
}

// One device for each model of tensor cores, while the test program runs.
class EmulatedComputerEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    computer_.emplace(cuda::EmulatedComputer{.devices = {Device(8, TensorCoreModel::kAmpere),
                                                         Device(9, TensorCoreModel::kHopper),
                                                         Device(8, TensorCoreModel::kSequential)}});
  }
  void TearDown() override { computer_.reset(); }

 private:
  std::optional<cuda::ScopedEmulatedComputer> computer_;
};

// gtest owns it.
[[maybe_unused]] ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new EmulatedComputerEnvironment);

}  // namespace

std::vector<BackendKind> BackendKinds() {
  const struct {
    const char* name;
    int device;
    Numerics numerics = Numerics::kStrict;
  } kinds[] = {{"Ampere", 0},
               {"Hopper", 1},
               {"Sequential", 2},
               // Attention is as strict as the others'.
               {"Pinned", 0, Numerics::kPinned}};
  std::vector<BackendKind> all;
  for (const auto& [name, device, numerics] : kinds) {
    all.push_back({.name = name,
                   .is_slow = true,
                   .create = [device = device, numerics = numerics](const LlamaModel& model,
                                                                    const BackendLimits& limits) {
                     return CudaBackend::Create(
                         model.config(), model.weights(),
                         {.device = device, .numerics = numerics, .limits = limits});
                   }});
  }
  return all;
}

}  // namespace chimera::testing
