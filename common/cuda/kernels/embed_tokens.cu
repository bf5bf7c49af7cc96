#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/embed_tokens.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;

struct EmbedTokensKernel : RowVectorKernel {
  using Arguments = EmbedTokensArguments;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int element = Vector() * kVectorSize;
    if (element >= arguments.size) return;
    const int64_t token = arguments.tokens[Row()];
    device::Vector4 x = {};
    if (token >= 0) x = device::LoadVector4(arguments.table + token * arguments.size + element);
    device::StoreVector4(arguments.residual + int64_t{Row()} * arguments.size + element, x);
  }
};

}  // namespace

absl::Status LaunchEmbedTokens(StreamView stream, const EmbedTokensArguments& arguments,
                               LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0)
      << "rows of " << arguments.size << " elements";
  using Kernel = EmbedTokensKernel;
  return Launch<Kernel>(
      stream, Kernel::Shape(arguments.row_count, arguments.size / kVectorSize, order), arguments);
}

}  // namespace chimera
