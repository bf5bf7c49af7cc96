#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/split_sum.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/rope_append.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;
using device::Vector4;

// Elements of a row of partials.
CHIMERA_DEVICE int RowSize(const RopeAppendArguments& arguments) {
  return (arguments.head_count + 2 * arguments.kv_head_count) * arguments.head_dim;
}

struct RopeAppendKernel : RowVectorKernel {
  using Arguments = RopeAppendArguments;

  // Turns two pairs by angles whose cosines and sines alternate at `table`.
  static CHIMERA_DEVICE Vector4 Rotate(const Vector4& x, const float* table) {
    const Vector4 angles = device::LoadVector4(table);
    Vector4 rotated;
    CHIMERA_UNROLL
    for (int j = 0; j < kVectorSize; j += 2) {
      const float cosine = angles.value[j];
      const float sine = angles.value[j + 1];
      const float a = x.value[j];
      const float b = x.value[j + 1];
      rotated.value[j] = device::Fma(a, cosine, device::Mul(b, -sine));
      rotated.value[j + 1] = device::Fma(b, cosine, device::Mul(a, sine));
    }
    return rotated;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int element = Vector() * kVectorSize;
    if (element >= RowSize(arguments)) return;
    // Heads of queries come first, then those of keys, then those of values.
    const int head = element / arguments.head_dim;
    const int element_of_head = element % arguments.head_dim;
    const int key_head = head - arguments.head_count;
    const int value_head = key_head - arguments.kv_head_count;
    const int slot = arguments.kv_slots[Row()];
    if (key_head >= 0 && slot < 0) return;

    const int64_t split_size = int64_t{arguments.row_count} * RowSize(arguments);
    const int64_t begin = int64_t{Row()} * RowSize(arguments) + element;
    Vector4 x = device::SumSplits(arguments.partials + begin, arguments.split_count, split_size);
    if (value_head < 0) {
      const int64_t angles = int64_t{arguments.positions[Row()]} * arguments.head_dim;
      x = Rotate(x, arguments.rope_table + angles + element_of_head);
    }
    uint16_t* output;
    if (key_head < 0) {
      const int64_t row_and_head = int64_t{Row()} * arguments.head_count + head;
      output = arguments.queries + row_and_head * arguments.head_dim;
    } else if (value_head < 0) {
      output =
          arguments.keys + KvElement(slot, key_head, arguments.kv_head_count, arguments.head_dim);
    } else {
      output = arguments.values +
               KvElement(slot, value_head, arguments.kv_head_count, arguments.head_dim);
    }
    device::StoreVector4(output + element_of_head, x);
  }
};

}  // namespace

absl::Status LaunchRopeAppend(StreamView stream, const RopeAppendArguments& arguments,
                              LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.split_count > 0);
  CHIMERA_CHECK(arguments.head_count >= 0 && arguments.kv_head_count > 0);
  CHIMERA_CHECK(arguments.head_dim > 0 && arguments.head_dim % 16 == 0)
      << "head_dim " << arguments.head_dim;
  using Kernel = RopeAppendKernel;
  const int head_count = arguments.head_count + 2 * arguments.kv_head_count;
  const int vectors = head_count * arguments.head_dim / kVectorSize;
  return Launch<Kernel>(stream, Kernel::Shape(arguments.row_count, vectors, order), arguments);
}

}  // namespace chimera
