#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/kernels/attention_merge.h"
#include "common/cuda/kernels/attention_work.h"
#include "common/cuda/kernels/tree_attention.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using attention::AttentionMergeKernel;
using attention::AttentionWorkKernel;

template <int kHeadDim>
absl::Status LaunchFor(StreamView stream, const TreeAttentionArguments& arguments,
                       LaunchOrder order) {
  using WorkKernel = AttentionWorkKernel<kHeadDim>;
  const GridIndex blocks = {arguments.block_count, 1, 1};
  CHIMERA_RETURN_IF_ERROR(
      Launch<WorkKernel>(stream, {blocks, sizeof(typename WorkKernel::Shared), order}, arguments));
  return Launch<AttentionMergeKernel<kHeadDim>>(stream, {blocks, 0, order}, arguments);
}

}  // namespace

int64_t TreeAttentionWorkspaceSize(int partial_rows, int head_count, int head_dim) {
  return int64_t{partial_rows} * head_count * (head_dim + attention::kPartialPadding);
}

int TreeAttentionBlocksPerMultiprocessor(int head_dim) {
  return head_dim == 64 ? AttentionWorkKernel<64>::kBlocksPerMultiprocessor
                        : AttentionWorkKernel<128>::kBlocksPerMultiprocessor;
}

absl::Status LaunchTreeAttention(StreamView stream, const TreeAttentionArguments& arguments,
                                 LaunchOrder order) {
  CHIMERA_CHECK(arguments.block_count > 0 && arguments.kv_head_count > 0);
  CHIMERA_CHECK(arguments.head_count > 0 && arguments.head_count % arguments.kv_head_count == 0 &&
                arguments.head_count <= kAttentionBlockRows * arguments.kv_head_count)
      << arguments.head_count << " heads, " << arguments.kv_head_count << " of keys";
  CHIMERA_CHECK(arguments.head_dim == 64 || arguments.head_dim == 128)
      << "heads of " << arguments.head_dim << " elements";
  return arguments.head_dim == 64 ? LaunchFor<64>(stream, arguments, order)
                                  : LaunchFor<128>(stream, arguments, order);
}

}  // namespace chimera
