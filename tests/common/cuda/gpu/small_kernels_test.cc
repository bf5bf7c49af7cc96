// The smaller kernels of the backend and of draft networks, on the device: as their references, and
// each row with the same bits in any company.

#include <gtest/gtest.h>

#include <utility>

#include "tests/common/cuda/gpu/device_run.h"
#include "tests/common/cuda/gpu/launch_order.h"
#include "tests/common/cuda/kernels/add_norm_operands.h"
#include "tests/common/cuda/kernels/commit_nodes_operands.h"
#include "tests/common/cuda/kernels/embed_tokens_operands.h"
#include "tests/common/cuda/kernels/gather_hidden_states_operands.h"
#include "tests/common/cuda/kernels/gather_rows_operands.h"
#include "tests/common/cuda/kernels/silu_operands.h"
#include "tests/common/cuda/kernels/sum_splits_operands.h"
#include "tests/common/cuda/kernels/window_attention_operands.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

class GpuSmallKernelsTest : public ::testing::Test {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }

  template <typename Operands>
  Operands RunOnDevice(Launcher<Operands> launch, Operands operands) {
    DeviceRun run;
    CHIMERA_EXPECT_OK(
        launch(run.stream(), operands.ArgumentsIn(run), OrderOfLaunch(launch_count_++)));
    run.Finish();
    return operands;
  }

  // Of kernels that have the reference's bits.
  template <typename Operands>
  bool Equals(void (*reference)(const typename Operands::Arguments&), Launcher<Operands> launch,
              Operands operands) {
    const Operands results = RunOnDevice(launch, operands);
    reference(operands.KernelArguments());
    return results == operands;
  }

  // Of the others.
  template <typename Operands>
  ::testing::AssertionResult IsClose(Launcher<Operands> launch, const Operands& operands) {
    return AgreeWithReference(RunOnDevice(launch, operands), operands);
  }

  template <typename Operands>
  bool IsInvariant(Launcher<Operands> launch, const Operands& operands) {
    return RowsOfRunsAreInvariant(
        operands, [&](Operands rows) { return RunOnDevice(launch, std::move(rows)); });
  }

  uint32_t launch_count_ = 0;
};

// Of rows that one block, and more, compute.
constexpr int kSizes[] = {8, 64, 576, 1032, 4096};

TEST_F(GpuSmallKernelsTest, EmbedTokens) {
  for (const int size : kSizes) {
    EXPECT_TRUE(
        Equals(&EmbedTokensKernelReference, &LaunchEmbedTokens, RandomEmbedTokensOperands(9, size)))
        << size;
  }
  EXPECT_TRUE(IsInvariant(&LaunchEmbedTokens, RandomEmbedTokensOperands(70, 516)));
}

TEST_F(GpuSmallKernelsTest, GatherRows) {
  for (const int size : kSizes) {
    EXPECT_TRUE(
        Equals(&GatherRowsKernelReference, &LaunchGatherRows, RandomGatherRowsOperands(9, size)))
        << size;
  }
  EXPECT_TRUE(IsInvariant(&LaunchGatherRows, RandomGatherRowsOperands(70, 136)));
}

TEST_F(GpuSmallKernelsTest, GatherHiddenStates) {
  for (const int size : kSizes) {
    EXPECT_TRUE(Equals(&GatherHiddenStatesKernelReference, &LaunchGatherHiddenStates,
                       RandomGatherHiddenStatesOperands(9, size, size % 3, 3)))
        << size;
  }
  EXPECT_TRUE(
      IsInvariant(&LaunchGatherHiddenStates, RandomGatherHiddenStatesOperands(70, 516, 1, 2)));
}

TEST_F(GpuSmallKernelsTest, SiluMul) {
  for (const int size : kSizes) {
    for (int splits = 1; splits <= 4; ++splits) {
      EXPECT_TRUE(IsClose(&LaunchSiluMul, RandomSiluMulOperands(3, size, splits)))
          << size << " " << splits;
    }
  }
  EXPECT_TRUE(IsInvariant(&LaunchSiluMul, RandomSiluMulOperands(70, 132, 4)));
}

TEST_F(GpuSmallKernelsTest, CommitNodes) {
  for (const int head_dim : {8, 64, 128}) {
    for (const auto& [layers, kv_heads] : {std::pair(1, 1), {3, 8}, {1, 17}}) {
      EXPECT_TRUE(Equals(&CommitNodesKernelReference, &LaunchCommitNodes,
                         RandomCommitNodesOperands({.move_count = 9,
                                                    .layer_count = layers,
                                                    .kv_head_count = kv_heads,
                                                    .head_dim = head_dim})))
          << head_dim << " " << layers << " " << kv_heads;
    }
  }
  EXPECT_TRUE(
      IsInvariant(&LaunchCommitNodes,
                  RandomCommitNodesOperands(
                      {.move_count = 70, .layer_count = 3, .kv_head_count = 2, .head_dim = 64})));
}

TEST_F(GpuSmallKernelsTest, Silu) {
  for (const int size : kSizes) {
    for (int splits = 1; splits <= 4; ++splits) {
      EXPECT_TRUE(IsClose(&LaunchSilu, RandomSiluOperands(3, size, splits)))
          << size << " " << splits;
    }
  }
  EXPECT_TRUE(IsInvariant(&LaunchSilu, RandomSiluOperands(70, 132, 4)));
}

TEST_F(GpuSmallKernelsTest, SumSplits) {
  for (const int size : kSizes) {
    for (int splits = 1; splits <= 4; ++splits) {
      EXPECT_TRUE(Equals(&SumSplitsKernelReference, &LaunchSumSplits,
                         RandomSumSplitsOperands(9, size, splits, splits % 2 == 0)))
          << size << " " << splits;
    }
  }
  EXPECT_TRUE(IsInvariant(&LaunchSumSplits, RandomSumSplitsOperands(70, 516, 3, true)));
}

TEST_F(GpuSmallKernelsTest, AddNorm) {
  for (const AddNormParts& parts : kAddNormParts) {
    for (const int size : {64, 576, 1028, 8192}) {
      EXPECT_TRUE(IsClose(&LaunchAddNorm, RandomAddNormOperands(3, size, parts))) << size;
    }
  }
  EXPECT_TRUE(IsInvariant(&LaunchAddNorm, RandomAddNormOperands(70, 1028, kAddNormParts[0])));
}

TEST_F(GpuSmallKernelsTest, WindowAttention) {
  for (const WindowAttentionHeads& heads : kWindowAttentionHeads) {
    EXPECT_TRUE(IsClose(&LaunchWindowAttention, RandomWindowAttentionOperands(heads, 5, 4, 50, 3)));
    EXPECT_TRUE(
        IsClose(&LaunchWindowAttention, RandomWindowAttentionOperands(heads, 20, 1, 0, 16)));
    if (DeviceIsEmulated()) continue;
    EXPECT_TRUE(
        IsClose(&LaunchWindowAttention, RandomWindowAttentionOperands(heads, 4, 33, 520, 5)));
  }
  EXPECT_TRUE(
      IsInvariant(&LaunchWindowAttention,
                  WithCancellingValues(RandomWindowAttentionOperands({2, 1, 64}, 66, 4, 50, 5))));
}

// The checks above notice what they are there for.
TEST_F(GpuSmallKernelsTest, OneElementIsADifference) {
  const EmbedTokensOperands operands = RandomEmbedTokensOperands(9, 64);
  const auto falsified = [](const EmbedTokensArguments& arguments) {
    EmbedTokensKernelReference(arguments);
    arguments.residual[70] += 1;
  };
  EXPECT_FALSE(Equals<EmbedTokensOperands>(falsified, &LaunchEmbedTokens, operands));
  bool is_first = true;
  EXPECT_FALSE(RowsOfRunsAreInvariant(operands, [&](EmbedTokensOperands rows) {
    rows = RunOnDevice<EmbedTokensOperands>(&LaunchEmbedTokens, std::move(rows));
    if (std::exchange(is_first, false)) rows.residual.front() += 1;
    return rows;
  }));
}

}  // namespace
}  // namespace chimera::testing
