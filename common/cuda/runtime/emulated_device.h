// The computer that common_cuda_runtime_emulated pretends to be. For tests.
//
// Device memory is host memory, and kernels are functions of the host (emulated_stream.h). What a
// GPU punishes shows:
//  * Work runs as late as the rules of streams allow, in the thread that waits for it: in
//    Stream::Synchronize, Event::Synchronize, when the stream is destroyed, or when work of another
//    stream waits for it. Event::IsDone, asked in a loop, runs one operation each time. Who reads
//    too early, or overwrites too early, gets the wrong bytes. EmulatedComputer::schedule_seed asks
//    for other times, to find what is wrong only when work runs early.
//  * Memory is all 0xFF when allocated: NaN as fp32, fp16 and bf16, -1 as an integer.
//  * Ends of memory are those of the heap, so AddressSanitizer sees a kernel leave them. Copies
//    that leave memory, use it after it was freed, go to host memory that is not pinned, or mix
//    devices end the process, with or without a sanitizer, as does every breach of a REQUIRES.
//
// Without a ScopedEmulatedComputer there is one device with 1 GiB.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_DEVICE_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/cuda/emulation/tensor_core_model.h"
#include "common/cuda/runtime/device.h"

namespace chimera::cuda {

struct EmulatedDevice : DeviceInfo {
  emulation::TensorCoreModel tensor_core = emulation::TensorCoreModel::kAmpere;
};

// A small device of compute capability 8.0.
EmulatedDevice DefaultEmulatedDevice();

// What the bits of a row of pinned linear layers (common/cuda/blas) depend on besides the row.
enum class EmulatedBlasFault {
  kNone,
  kRowCount,  // how many rows are computed
  kPlace,     // which of them it is
  kManyRows,  // whether they are more than 256
};

struct EmulatedComputer {
  bool has_driver = true;
  std::vector<EmulatedDevice> devices = {DefaultEmulatedDevice()};
  size_t pinned_memory_bytes = size_t{1} << 30;  // for all devices together
  uint64_t kernel_seed = 0;                      // EmulatorOptions::seed
  // Unset: work runs as late as it may. Set: whenever work is given to a stream, a random part of
  // what is pending in each stream runs. Equal seeds and calls of one thread give equal schedules.
  std::optional<uint64_t> schedule_seed = {};
  EmulatedBlasFault blas_fault = EmulatedBlasFault::kNone;
};

// How a call fails.
enum class EmulatedFault {
  kDeviceLost,   // UNAVAILABLE, as all later calls for the device (IsDeviceLost)
  kOutOfMemory,  // RESOURCE_EXHAUSTED, this call only
  kRefused,      // INTERNAL, this call only
};

// Exchanges the computer while it lives. One at a time; the thread that makes it destroys it, and
// selects device 0 by both. REQUIRES, of both: no memory, stream, event or graph exists.
class ScopedEmulatedComputer {
 public:
  explicit ScopedEmulatedComputer(EmulatedComputer computer = {});
  ~ScopedEmulatedComputer();
  ScopedEmulatedComputer(const ScopedEmulatedComputer&) = delete;
  ScopedEmulatedComputer& operator=(const ScopedEmulatedComputer&) = delete;

  // Lets the `number`th call from now on fail, from 1, once; it then does nothing. All calls that
  // return a status are counted, but for DeviceCount; of Graph::Capture begin and end. Any thread.
  void FailCall(int number, EmulatedFault fault);

  // Lets the `number`th operation that a stream runs from now on fail, from 1, as a kernel with a
  // wrong address does: the device is lost, and whoever waits learns it. Any thread.
  void FailOperation(int number);

  // Whether all faults have happened that were asked for. Any thread.
  bool FaultsHaveHappened() const;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_DEVICE_H_
