#include "common/cuda/runtime/emulated_machine.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_objects.h"

namespace chimera::cuda {

void EmulatedMachine::Reset(EmulatedComputer computer) {
  CHIMERA_CHECK(memory_.empty()) << "device or pinned memory is still allocated";
  CHIMERA_CHECK(streams_.empty()) << streams_.size() << " streams still exist";
  CHIMERA_CHECK(object_count_ == 0) << object_count_ << " events and graphs still exist";
  computer_ = std::move(computer);
  health_.assign(computer_.devices.size(), absl::OkStatus());
  emulators_.clear();
  for (const EmulatedDevice& device : computer_.devices) {
    emulators_.emplace_back(emulation::EmulatorOptions{computer_.kernel_seed, device.tensor_core});
  }
  schedule_.reset();
  if (computer_.schedule_seed) schedule_.emplace(*computer_.schedule_seed);
  call_faults_ = {};
  operation_faults_ = {};
}

absl::StatusOr<int> EmulatedMachine::DeviceCount() const {
  if (!computer_.has_driver) return NoDriverError();
  if (computer_.devices.empty()) return NoDeviceError();
  return static_cast<int>(computer_.devices.size());
}

absl::Status EmulatedMachine::BeginCall(int device) {
  CHIMERA_ASSIGN_OR_RETURN(const int count, DeviceCount());
  CHIMERA_CHECK(device < count) << "a thread has device " << device << " of another computer";
  const std::optional<EmulatedFault> fault = call_faults_.Count();
  if (fault == EmulatedFault::kDeviceLost) {
    LoseDevice(device, absl::InternalError("a fault that was asked for"));
  }
  CHIMERA_RETURN_IF_ERROR(health_[device]);
  if (fault == EmulatedFault::kOutOfMemory) {
    return absl::ResourceExhaustedError("a fault that was asked for");
  }
  if (fault == EmulatedFault::kRefused) return absl::InternalError("a fault that was asked for");
  return absl::OkStatus();
}

size_t EmulatedMachine::FreeBytes(int device) const {
  return computer_.devices[device].total_memory_bytes - memory_.AllocatedBytes(device);
}

absl::StatusOr<void*> EmulatedMachine::AllocateOnDevice(int device, size_t bytes) {
  CHIMERA_RETURN_IF_ERROR(BeginCall(device));
  const size_t free = FreeBytes(device);
  void* const data = bytes <= free ? memory_.Allocate(device, bytes) : nullptr;
  if (data == nullptr) return OutOfDeviceMemoryError(bytes, free);
  return data;
}

absl::StatusOr<void*> EmulatedMachine::AllocatePinned(size_t bytes) {
  CHIMERA_RETURN_IF_ERROR(BeginCall(ThisThread().device));
  const size_t free = computer_.pinned_memory_bytes - memory_.AllocatedBytes(kPinnedMemory);
  void* const data = bytes <= free ? memory_.Allocate(kPinnedMemory, bytes) : nullptr;
  if (data == nullptr) return OutOfPinnedMemoryError(bytes);
  return data;
}

absl::Status EmulatedMachine::Enqueue(Stream::Impl& stream, EmulatedOperation operation) {
  CHIMERA_CHECK(stream.device == ThisThread().device)
      << "work for a stream of device " << stream.device << " from a thread of device "
      << ThisThread().device;
  CHIMERA_RETURN_IF_ERROR(BeginCall(stream.device));
  if (stream.recording != nullptr) {
    stream.recording->push_back(std::move(operation));
  } else {
    stream.pending.push_back(std::move(operation));
    RunAhead();
  }
  return absl::OkStatus();
}

absl::Status EmulatedMachine::RunNext(Stream::Impl& stream) {
  CHIMERA_CHECK(!stream.pending.empty());
  // Taken out first: it may run other streams, and lose the device with all that is pending.
  const EmulatedOperation operation = std::move(stream.pending.front());
  stream.pending.pop_front();
  const absl::Status status = operation_faults_.Count().has_value()
                                  ? absl::InternalError("a fault that was asked for")
                                  : operation();
  if (!status.ok()) LoseDevice(stream.device, status);
  return health_[stream.device];
}

absl::Status EmulatedMachine::RunAll(Stream::Impl& stream) {
  while (!stream.pending.empty()) CHIMERA_RETURN_IF_ERROR(RunNext(stream));
  return health_[stream.device];
}

absl::Status EmulatedMachine::RunUntil(const Moment& moment) {
  while (!moment.is_reached) {
    CHIMERA_RETURN_IF_ERROR(health_[moment.device]);
    CHIMERA_RETURN_IF_ERROR(RunNext(*moment.stream));
  }
  return absl::OkStatus();
}

void EmulatedMachine::RunAhead() {
  if (!schedule_) return;
  for (Stream::Impl* const stream : streams_) {
    while (!stream->pending.empty() && ((*schedule_)() & 1) != 0) {
      RunNext(*stream).IgnoreError();  // a device that is lost says so in its next call
    }
  }
}

void EmulatedMachine::LoseDevice(int device, const absl::Status& reason) {
  if (!health_[device].ok()) return;
  health_[device] = DeviceLostError(absl::StrCat("device ", device, ": ", reason.message()));
  for (Stream::Impl* const stream : streams_) {
    if (stream->device == device) stream->pending.clear();
  }
}

namespace {

struct SharedMachine {
  std::mutex mutex;
  EmulatedMachine machine;
};

// Never destroyed: what is on it may outlive everything else of the process.
SharedMachine& Shared() {
  static SharedMachine* const shared = new SharedMachine;
  return *shared;
}

thread_local bool thread_has_access = false;

}  // namespace

LockedMachine::LockedMachine() : lock_(Shared().mutex, std::defer_lock) {
  CHIMERA_CHECK(!thread_has_access) << "a kernel calls the CUDA runtime";
  lock_.lock();
  thread_has_access = true;
}

LockedMachine::~LockedMachine() { thread_has_access = false; }

EmulatedMachine* LockedMachine::operator->() const { return &Shared().machine; }

EmulatedThread& ThisThread() {
  thread_local EmulatedThread thread;
  return thread;
}

void CheckNotCapturing(std::string_view what) {
  CHIMERA_CHECK(!ThisThread().is_capturing) << what << " during a capture";
}

}  // namespace chimera::cuda
