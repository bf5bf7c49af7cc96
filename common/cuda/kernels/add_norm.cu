#include "common/base/check.h"
#include "common/cuda/device/block_sum.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/add_norm.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;
using device::Vector4;

// One block per row.
struct AddNormKernel {
  using Arguments = AddNormArguments;

  static constexpr int kThreads = 256;
  // At most 128 registers: a draft network has too few rows to fill a multiprocessor with more.
  static constexpr int kBlocksPerMultiprocessor = 2;
  static constexpr int kVectors = kMaxAddNormSize / (kThreads * kVectorSize);  // of a thread

  struct Shared {
    float warp_sums[kThreads / kWarpSize];
  };

  // The first element of the calling thread's vector i.
  static CHIMERA_DEVICE int FirstElement(int i) {
    return (i * kThreads + device::ThreadIndex()) * kVectorSize;
  }

  // The row of a matrix that goes with the block's; null if none does.
  template <typename Element>
  static CHIMERA_DEVICE Element* RowOf(const MatrixRows<Element>& rows, int size) {
    if (rows.matrix == nullptr) return nullptr;
    const int row = rows.rows == nullptr ? device::BlockX() : rows.rows[device::BlockX()];
    return row < 0 ? nullptr : rows.matrix + int64_t{row} * size;
  }

  static CHIMERA_DEVICE void Add(const float* row, int size, Vector4 (&x)[kVectors]) {
    if (row == nullptr) return;
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      if (FirstElement(i) >= size) continue;
      const Vector4 addend = device::LoadVector4(row + FirstElement(i));
      CHIMERA_UNROLL
      for (int j = 0; j < kVectorSize; ++j) {
        x[i].value[j] = device::Add(x[i].value[j], addend.value[j]);
      }
    }
  }

  static CHIMERA_DEVICE void Store(const Vector4 (&x)[kVectors], int size, float* row) {
    if (row == nullptr) return;
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      if (FirstElement(i) < size) device::StoreVector4(row + FirstElement(i), x[i]);
    }
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int size = arguments.size;
    Vector4 x[kVectors];
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) x[i] = {};
    for (int split = 0; split < arguments.split_count; ++split) {
      const int64_t row = int64_t{split} * arguments.row_count + device::BlockX();
      Add(arguments.partials + row * size, size, x);
    }
    Add(RowOf(arguments.addend, size), size, x);
    Store(x, size, RowOf(arguments.sum, size));
    Add(RowOf(arguments.residual, size), size, x);

    float own_squares = 0.0f;
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      CHIMERA_UNROLL
      for (int j = 0; j < kVectorSize; ++j) {
        own_squares = device::Fma(x[i].value[j], x[i].value[j], own_squares);
      }
    }
    const float squares = device::BlockSum(own_squares, device::SharedMemory<Shared>().warp_sums);
    const float mean = device::Div(squares, static_cast<float>(size));
    const float scale = device::Div(1.0f, device::Sqrt(device::Add(mean, arguments.epsilon)));
    uint16_t* const output = arguments.output + int64_t{device::BlockX()} * arguments.output_stride;
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      if (FirstElement(i) >= size) continue;
      const Vector4 weight = device::LoadVector4(arguments.weight + FirstElement(i));
      CHIMERA_UNROLL
      for (int j = 0; j < kVectorSize; ++j) {
        x[i].value[j] = device::Mul(device::Mul(x[i].value[j], scale), weight.value[j]);
      }
      device::StoreVector4(output + FirstElement(i), x[i]);
    }
  }
};

}  // namespace

absl::Status LaunchAddNorm(StreamView stream, const AddNormArguments& arguments,
                           LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.split_count >= 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0 &&
                arguments.size <= kMaxAddNormSize)
      << "rows of " << arguments.size << " elements";
  CHIMERA_CHECK(arguments.output_stride >= arguments.size &&
                arguments.output_stride % kVectorSize == 0)
      << "rows " << arguments.output_stride << " apart";
  const LaunchShape shape = {{arguments.row_count, 1, 1}, sizeof(AddNormKernel::Shared), order};
  return Launch<AddNormKernel>(stream, shape, arguments);
}

}  // namespace chimera
