// Runs kernels on the processor.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_EMULATOR_H_
#define CHIMERA_COMMON_CUDA_EMULATION_EMULATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/cuda/emulation/fiber.h"
#include "common/cuda/emulation/random_order.h"
#include "common/cuda/emulation/tensor_core_model.h"
#include "common/cuda/launch_shape.h"

namespace chimera::emulation {

struct EmulatorOptions {
  uint64_t seed = 0;  // of the order in which threads and blocks run
  TensorCoreModel tensor_core = TensorCoreModel::kHopper;
};

// InvalidArgument for a launch that a device would refuse.
absl::Status ValidateLaunch(const LaunchShape& shape, int threads_per_block);

// Stands in for a device: a launch has ended when it returns. Blocks run one after another in
// random order, the threads of each as ThreadBlock says, all on the calling thread. What a correct
// kernel computes depends on options().tensor_core, never on the seed. Used by one thread at a
// time.
class Emulator {
 public:
  explicit Emulator(const EmulatorOptions& options) : options_(options), order_(options.seed) {}

  const EmulatorOptions& options() const { return options_; }

  // Runs `thread_body` for every thread. Errors: those of ValidateLaunch.
  absl::Status Run(const LaunchShape& shape, int threads_per_block,
                   const std::function<void()>& thread_body);

 private:
  const EmulatorOptions options_;
  RandomOrder order_;
  std::vector<std::unique_ptr<Fiber>> fibers_;  // as many as the largest block so far
};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_EMULATOR_H_
