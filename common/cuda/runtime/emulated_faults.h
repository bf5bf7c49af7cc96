// Faults that tests have asked the emulated runtime for.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_FAULTS_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_FAULTS_H_

#include <optional>

#include "common/base/check.h"
#include "common/cuda/runtime/emulated_device.h"

namespace chimera::cuda {

// Counts calls or operations up to the one that fails. Not for several threads at once.
class FaultCountdown {
 public:
  // REQUIRES: number >= 1.
  void Start(int number, EmulatedFault fault) {
    CHIMERA_CHECK(number >= 1) << number;
    left_ = number;
    fault_ = fault;
  }

  // Counts one; returns the fault if this is the one that fails.
  std::optional<EmulatedFault> Count() {
    if (left_ == 0 || --left_ > 0) return std::nullopt;
    return fault_;
  }

  bool is_running() const { return left_ > 0; }

 private:
  int left_ = 0;  // 0: none is to fail
  EmulatedFault fault_ = EmulatedFault::kDeviceLost;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_FAULTS_H_
