#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/emulated_objects.h"

namespace chimera::cuda {
namespace {

void Destroy(Graph::Impl* impl) {
  LockedMachine()->CountObjects(-1);
  delete impl;
}

}  // namespace

absl::StatusOr<Graph> Graph::Capture(Stream& stream, absl::FunctionRef<absl::Status()> record) {
  Stream::Impl& impl = stream.impl();
  CheckNotCapturing("a capture");
  CHIMERA_CHECK(impl.device == ThisThread().device) << "a capture of another device's stream";
  CHIMERA_RETURN_IF_ERROR(LockedMachine()->BeginCall(impl.device));

  std::vector<EmulatedOperation> operations;
  impl.recording = &operations;
  ThisThread().is_capturing = true;
  const absl::Status recorded = record();
  ThisThread().is_capturing = false;
  impl.recording = nullptr;

  const LockedMachine machine;
  const absl::Status ended = machine->BeginCall(impl.device);
  CHIMERA_RETURN_IF_ERROR(recorded);
  CHIMERA_RETURN_IF_ERROR(ended);
  machine->CountObjects(1);
  return Graph(ImplPointer(
      new Impl{impl.device,
               std::make_shared<const std::vector<EmulatedOperation>>(std::move(operations))},
      &Destroy));
}

absl::Status Graph::Launch(Stream& stream) const {
  CheckNotCapturing("a graph is launched");
  const LockedMachine machine;
  CHIMERA_CHECK(stream.impl().device == impl().device) << "a graph of another device is launched";
  return machine->Enqueue(stream.impl(), [operations = impl().operations] {
    for (const EmulatedOperation& operation : *operations) {
      CHIMERA_RETURN_IF_ERROR(operation());
    }
    return absl::OkStatus();
  });
}

}  // namespace chimera::cuda
