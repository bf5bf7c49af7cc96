#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/float16.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/emulated_blas_handle.h"
#include "common/cuda/blas/linear.h"
#include "common/cuda/runtime/emulated_objects.h"

namespace chimera::cuda {

template <typename Output>
class BlasLinear<Output>::Impl {
 public:
  const int device;
  const BlasLinearConfig config;
};

namespace {

// Not 0, so that who passes none is noticed.
constexpr size_t kWorkspaceBytes = 256;

void Store(float value, float* element) { *element = value; }
void Store(float value, uint16_t* element) { *element = FloatToBf16(value); }

// In how many parts k is summed for a row. Whoever counts on a row's bits where the library
// promises nothing of them gets others for the next number of rows.
int SplitCount(BlasMode mode, EmulatedBlasFault fault, int row, int row_count) {
  if (mode == BlasMode::kFastest) return 1 + row_count % 3;
  switch (fault) {
    case EmulatedBlasFault::kNone:
      return 1;
    case EmulatedBlasFault::kRowCount:
      return (row_count + kPinnedRows - 1) / kPinnedRows;
    case EmulatedBlasFault::kPlace:
      return 1 + row % 2;
    case EmulatedBlasFault::kManyRows:
      return row_count > kSelfTestRows ? 2 : 1;
  }
  return 1;
}

// The product of two rows of k elements: k ascending within each part, and parts ascending.
float Dot(const std::vector<float>& x, const std::vector<float>& w, int split_count) {
  const size_t size = x.size();
  float sum = 0;
  for (int split = 0; split < split_count; ++split) {
    float partial = 0;
    for (size_t k = size * split / split_count; k < size * (split + 1) / split_count; ++k) {
      partial += x[k] * w[k];
    }
    sum += partial;
  }
  return sum;
}

std::vector<float> ToFloats(const uint16_t* bf16, size_t size) {
  std::vector<float> floats(size);
  std::transform(bf16, bf16 + size, floats.begin(), Bf16ToFloat);
  return floats;
}

// One run, as a stream keeps it.
template <typename Output>
struct Multiplication {
  BlasLinearConfig config;
  BlasLinearArguments<Output> arguments;
  int padded_row_count;
  EmulatedBlasFault fault;
  int device;

  size_t input_bytes() const { return size_t{2} * padded_row_count * config.input_size; }
  size_t weight_bytes() const { return size_t{2} * config.output_size * config.input_size; }
  size_t output_bytes() const { return sizeof(Output) * padded_row_count * config.output_size; }

  void CheckMemory(const EmulatedMemory& memory) const {
    memory.CheckAllocated(arguments.input.device_pointer(), input_bytes(), device);
    memory.CheckAllocated(arguments.weight.device_pointer(), weight_bytes(), device);
    memory.CheckAllocated(arguments.output.device_pointer(), output_bytes(), device);
    memory.CheckAllocated(arguments.workspace.device_pointer(), kWorkspaceBytes, device);
  }

  void Run() const {
    std::vector<std::vector<float>> rows(arguments.row_count);
    for (int row = 0; row < arguments.row_count; ++row) {
      rows[row] = ToFloats(arguments.input.device_pointer() + int64_t{row} * config.input_size,
                           config.input_size);
    }
    Output* const output = arguments.output.device_pointer();
    // Nobody may count on what padding rows have.
    std::memset(output, 0xff, output_bytes());
    std::memset(arguments.workspace.device_pointer(), 0xff, kWorkspaceBytes);
    for (int n = 0; n < config.output_size; ++n) {
      const std::vector<float> weight = ToFloats(
          arguments.weight.device_pointer() + int64_t{n} * config.input_size, config.input_size);
      for (int row = 0; row < arguments.row_count; ++row) {
        const int splits = SplitCount(config.mode, fault, row, arguments.row_count);
        Store(Dot(rows[row], weight, splits), output + int64_t{row} * config.output_size + n);
      }
    }
  }
};

}  // namespace

template <typename Output>
absl::StatusOr<BlasLinear<Output>> BlasLinear<Output>::Create(BlasHandle& handle,
                                                              const BlasLinearConfig& config) {
  const int device = handle.impl().device;
  const BlasLinearConfig checked = internal::CheckedConfig(config);
  CHIMERA_RETURN_IF_ERROR(LockedMachine()->BeginCall(device));
  if (checked.max_workspace_bytes < kWorkspaceBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no algorithm for a linear layer from ", checked.input_size, " to ", checked.output_size,
        " within ", checked.max_workspace_bytes, " bytes of workspace"));
  }
  return BlasLinear(ImplPointer(new Impl{device, checked}));
}

template <typename Output>
const BlasLinearConfig& BlasLinear<Output>::config() const {
  return impl().config;
}

template <typename Output>
size_t BlasLinear<Output>::workspace_bytes() const {
  return kWorkspaceBytes;
}

template <typename Output>
std::string BlasLinear<Output>::AlgorithmDescription() const {
  return config().mode == BlasMode::kPinned ? "k ascending" : "fastest";
}

template <typename Output>
absl::Status BlasLinear<Output>::Prepare(int row_count) {
  PaddedRowCount(row_count);  // checks it
  return LockedMachine()->BeginCall(impl().device);
}

template <typename Output>
absl::Status BlasLinear<Output>::Run(const BlasLinearArguments<Output>& arguments, Stream& stream) {
  Check(arguments);
  CHIMERA_CHECK(stream.impl().device == impl().device) << "a linear layer of another device";
  const LockedMachine machine;
  const Multiplication<Output> multiplication = {config(), arguments,
                                                 PaddedRowCount(arguments.row_count),
                                                 machine->computer().blas_fault, impl().device};
  const EmulatedMemory& memory = machine->memory();
  multiplication.CheckMemory(memory);
  return machine->Enqueue(stream.impl(), [&memory, multiplication] {
    multiplication.CheckMemory(memory);
    multiplication.Run();
    return absl::OkStatus();
  });
}

template class BlasLinear<float>;
template class BlasLinear<uint16_t>;

}  // namespace chimera::cuda
