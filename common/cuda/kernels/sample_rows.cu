#include <type_traits>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/kernels/sample_rows.h"
#include "common/cuda/kernels/sample_rows_choice.h"
#include "common/cuda/kernels/sample_rows_ranking.h"
#include "common/cuda/kernels/sample_rows_state.h"
#include "common/cuda/kernels/sample_rows_sum.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using sample_rows::ChoiceKernel;
using sample_rows::KernelArguments;
using sample_rows::RankingKernel;
using sample_rows::RowState;
using sample_rows::SumKernel;

static_assert(std::is_trivially_copyable_v<SamplingRow>);

constexpr int CeilDiv(int a, int b) { return a / b + (a % b != 0 ? 1 : 0); }

int GroupCount(int vocab_size) { return CeilDiv(vocab_size, sample_rows::kGroupSize); }
int SumBlockCount(int vocab_size) {
  return CeilDiv(GroupCount(vocab_size), SumKernel::kBlockGroups);
}

// The parts of the workspace follow each other, those of greatest alignment first.
KernelArguments WithWorkspace(SampleRowsArguments call) {
  if (call.partial_size == 0) call.partial_size = call.vocab_size;
  const int sum_block_count = SumBlockCount(call.vocab_size);
  auto* const states = static_cast<RowState*>(call.workspace);
  auto* const block_tops = reinterpret_cast<uint64_t*>(states + call.row_count);
  auto* const group_tops =
      reinterpret_cast<uint32_t*>(block_tops + int64_t{call.row_count} * sum_block_count);
  return {call, GroupCount(call.vocab_size), sum_block_count, states, block_tops, group_tops};
}

template <typename Kernel>
absl::Status LaunchOn(StreamView stream, const KernelArguments& arguments, LaunchOrder order) {
  const int blocks = CeilDiv(arguments.group_count, Kernel::kBlockGroups);
  const LaunchShape shape = {
      {blocks, arguments.call.row_count, 1}, sizeof(typename Kernel::Shared), order};
  return Launch<Kernel>(stream, shape, arguments);
}

}  // namespace

size_t SampleRowsWorkspaceBytes(int row_count, int vocab_size) {
  const size_t row_bytes = sizeof(RowState) + SumBlockCount(vocab_size) * sizeof(uint64_t) +
                           GroupCount(vocab_size) * sizeof(uint32_t);
  return row_count * row_bytes;
}

absl::Status LaunchSampleRows(StreamView stream, const SampleRowsArguments& arguments,
                              LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.vocab_size > 0 && arguments.split_count > 0);
  CHIMERA_CHECK(arguments.partial_size == 0 ||
                (arguments.partial_size >= arguments.vocab_size && arguments.partial_size % 4 == 0))
      << "partial_size " << arguments.partial_size;
  const KernelArguments kernel_arguments = WithWorkspace(arguments);
  CHIMERA_RETURN_IF_ERROR(LaunchOn<SumKernel>(stream, kernel_arguments, order));
  CHIMERA_RETURN_IF_ERROR(LaunchOn<RankingKernel>(stream, kernel_arguments, order));
  return LaunchOn<ChoiceKernel>(stream, kernel_arguments, order);
}

}  // namespace chimera
