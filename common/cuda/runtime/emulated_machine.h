// The state of the emulated runtime.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_MACHINE_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_MACHINE_H_

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/emulation/emulator.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/emulated_faults.h"
#include "common/cuda/runtime/emulated_memory.h"
#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

// One piece of a stream's work; may run several times, where a graph holds it. An error loses the
// device.
using EmulatedOperation = std::function<absl::Status()>;

struct Moment;  // emulated_objects.h

// The computer and all that exists on its devices. One thread at a time: LockedMachine.
class EmulatedMachine {
 public:
  EmulatedMachine() { Reset({}); }

  // Exchanges the computer. REQUIRES: nothing exists on the one before.
  void Reset(EmulatedComputer computer);

  const EmulatedComputer& computer() const { return computer_; }
  EmulatedMemory& memory() { return memory_; }
  emulation::Emulator& emulator(int device) { return emulators_[device]; }
  FaultCountdown& call_faults() { return call_faults_; }
  FaultCountdown& operation_faults() { return operation_faults_; }

  // The number of devices, or why there is none.
  absl::StatusOr<int> DeviceCount() const;

  // What every call for a device begins with: the error of a device that is lost, or a fault that
  // was asked for.
  absl::Status BeginCall(int device);

  // Memory of a device that is not allocated.
  size_t FreeBytes(int device) const;

  // Memory; errors: as BeginCall, or RESOURCE_EXHAUSTED.
  absl::StatusOr<void*> AllocateOnDevice(int device, size_t bytes);
  absl::StatusOr<void*> AllocatePinned(size_t bytes);

  // All streams are known: a schedule chooses among them, and a device that is lost takes their
  // work with it.
  void AddStream(Stream::Impl* stream) { streams_.push_back(stream); }
  void RemoveStream(Stream::Impl* stream) { std::erase(streams_, stream); }

  // Events and graphs that exist.
  void CountObjects(int change) { object_count_ += change; }

  // Gives work to a stream, or records it if the stream is being captured.
  absl::Status Enqueue(Stream::Impl& stream, EmulatedOperation operation);

  // Runs the next operation, or all that is pending, or all up to a moment, and on the way what
  // these wait for. Return the error of a device that is lost, unless the moment has come before.
  // RunNext REQUIRES: one is pending.
  absl::Status RunNext(Stream::Impl& stream);
  absl::Status RunAll(Stream::Impl& stream);
  absl::Status RunUntil(const Moment& moment);

 private:
  // Where a schedule was asked for, runs what it says of all streams.
  void RunAhead();
  void LoseDevice(int device, const absl::Status& reason);

  EmulatedComputer computer_;
  std::vector<absl::Status> health_;  // [devices]; not OK: lost
  EmulatedMemory memory_;
  std::deque<emulation::Emulator> emulators_;  // [devices]
  std::vector<Stream::Impl*> streams_;         // in the order made
  std::optional<std::mt19937_64> schedule_;
  int object_count_ = 0;
  FaultCountdown call_faults_;
  FaultCountdown operation_faults_;
};

// Access to the one machine of the process, for one thread at a time. REQUIRES: the thread has no
// access yet; a kernel, which runs in a thread that has, must not call the runtime.
class LockedMachine {
 public:
  LockedMachine();
  ~LockedMachine();
  LockedMachine(const LockedMachine&) = delete;
  LockedMachine& operator=(const LockedMachine&) = delete;

  EmulatedMachine* operator->() const;
  EmulatedMachine& operator*() const { return *operator->(); }

 private:
  std::unique_lock<std::mutex> lock_;
};

// What the runtime knows of the calling thread.
struct EmulatedThread {
  int device = 0;             // SelectDevice
  bool is_capturing = false;  // in Graph::Capture
};
EmulatedThread& ThisThread();

// Ends the process if the thread is in Graph::Capture, where `what` is not allowed.
void CheckNotCapturing(std::string_view what);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_MACHINE_H_
