#include "common/cuda/blas/linear.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera::cuda {
namespace {

const char* TypeName(float) { return "fp32"; }
const char* TypeName(uint16_t) { return "bf16"; }

template <typename T>
void CheckOperand(const char* name, DeviceSpan<T> operand, size_t size, size_t alignment) {
  CHIMERA_CHECK(operand.size() >= size)
      << name << " has " << operand.size() << " elements, " << size << " are needed";
  CHIMERA_CHECK(reinterpret_cast<uintptr_t>(operand.device_pointer()) % alignment == 0)
      << name << " is not aligned to " << alignment << " bytes";
}

}  // namespace

namespace internal {

BlasLinearConfig CheckedConfig(BlasLinearConfig config) {
  CHIMERA_CHECK(config.input_size > 0 && config.input_size % 8 == 0) << config.input_size;
  CHIMERA_CHECK(config.output_size > 0 && config.output_size % 8 == 0) << config.output_size;
  CHIMERA_CHECK(config.max_row_count > 0) << config.max_row_count;
  if (config.mode == BlasMode::kPinned) {
    config.max_row_count = RoundUpToPinnedRows(std::max(config.max_row_count, kSelfTestRows));
  }
  return config;
}

}  // namespace internal

template <typename Output>
int BlasLinear<Output>::PaddedRowCount(int row_count) const {
  CHIMERA_CHECK(row_count > 0 && row_count <= config().max_row_count) << row_count << " rows";
  if (config().mode == BlasMode::kFastest) return row_count;
  return RoundUpToPinnedRows(row_count);
}

template <typename Output>
std::string BlasLinear<Output>::description() const {
  return absl::StrCat("k=", config().input_size, " n=", config().output_size, " ",
                      TypeName(Output{}), " ", AlgorithmDescription());
}

template <typename Output>
void BlasLinear<Output>::Check(const BlasLinearArguments<Output>& arguments) const {
  const size_t rows = PaddedRowCount(arguments.row_count);
  const size_t input_size = config().input_size;
  const size_t output_size = config().output_size;
  CheckOperand("input", arguments.input, rows * input_size, 16);
  CheckOperand("weight", arguments.weight, output_size * input_size, 16);
  CheckOperand("output", arguments.output, rows * output_size, 16);
  CheckOperand("workspace", arguments.workspace, workspace_bytes(), 256);
}

template class BlasLinear<float>;
template class BlasLinear<uint16_t>;

}  // namespace chimera::cuda
