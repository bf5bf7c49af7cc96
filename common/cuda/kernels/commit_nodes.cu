#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/commit_nodes.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

constexpr int kVectorSize = 8;  // bf16 elements in 16 bytes

// The rows are moves; along z, keys and values of all layers alternate.
struct CommitNodesKernel : RowVectorKernel {
  using Arguments = CommitNodesArguments;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int kv_heads = arguments.kv_head_count;
    const int head_dim = arguments.head_dim;
    const int element = Vector() * kVectorSize;
    const KvMove move = arguments.moves[Row()];
    if (element >= kv_heads * head_dim || move.from_slot < 0) return;
    const int head = element / head_dim;
    const int64_t plane_size = KvElement(arguments.page_count * kPageSlots, 0, kv_heads, head_dim);
    uint16_t* const elements = arguments.pool + device::BlockZ() * plane_size + element % head_dim;
    device::StoreWords4(
        elements + KvElement(move.to_slot, head, kv_heads, head_dim),
        device::LoadWords4(elements + KvElement(move.from_slot, head, kv_heads, head_dim)));
  }
};

}  // namespace

absl::Status LaunchCommitNodes(StreamView stream, const CommitNodesArguments& arguments,
                               LaunchOrder order) {
  CHIMERA_CHECK(arguments.move_count > 0 && arguments.layer_count > 0 && arguments.page_count > 0);
  CHIMERA_CHECK(arguments.kv_head_count > 0);
  CHIMERA_CHECK(arguments.head_dim > 0 && arguments.head_dim % kVectorSize == 0)
      << "head_dim " << arguments.head_dim;
  using Kernel = CommitNodesKernel;
  const int vectors = arguments.kv_head_count * arguments.head_dim / kVectorSize;
  LaunchShape shape = Kernel::Shape(arguments.move_count, vectors, order);
  shape.blocks.z = 2 * arguments.layer_count;
  return Launch<Kernel>(stream, shape, arguments);
}

}  // namespace chimera
