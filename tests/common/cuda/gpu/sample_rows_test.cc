// Tokens chosen on the device are those that the processor chooses, and do not depend on other
// rows.

#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <vector>

#include "tests/common/cuda/gpu/device_run.h"
#include "tests/common/cuda/kernels/sample_rows_batch.h"
#include "tests/testing/gpu.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

SampleRowsResult Sample(const SampleRowsBatch& batch) {
  std::vector<SamplingRow> rows;
  for (const SampledRow& row : batch.rows) rows.push_back(row.sampling);
  const auto row_count = static_cast<int>(rows.size());
  std::vector<float> logits(rows.size() * batch.vocab_size, kNan);
  std::vector<int32_t> tokens(rows.size(), -1);
  std::vector<std::byte> workspace(SampleRowsWorkspaceBytes(row_count, batch.vocab_size),
                                   std::byte{0xff});
  DeviceRun run;
  CHIMERA_EXPECT_OK(LaunchSampleRows(
      run.stream(),
      {row_count, batch.vocab_size, batch.split_count, run.Copy(PartialsOf(batch)), run.Copy(rows),
       run.CopyBothWays(logits), run.CopyBothWays(tokens), run.CopyBothWays(workspace)}));
  run.Finish();
  return {LogitBits(logits), tokens};
}

std::vector<int> VocabularySizes() {
  return DeviceIsEmulated() ? std::vector{131, 500}
                            : std::vector{1, 2, 131, 500, 4097, 32000, 49152, 128256};
}

class GpuSampleRowsTest : public ::testing::Test {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }
};

TEST_F(GpuSampleRowsTest, EqualsTheReference) {
  for (const int vocab_size : VocabularySizes()) {
    const int few = kSanitized ? 6 : 24;
    const int row_count = DeviceIsEmulated() || vocab_size > 5000 ? few : 200;
    for (int splits = 1; splits <= 3; ++splits) {
      const SampleRowsBatch batch = RandomBatch(row_count, vocab_size, splits, splits);
      const SampleRowsResult result = Sample(batch);
      const SampleRowsResult expected = ExpectedResult(batch);
      EXPECT_EQ(result.tokens, expected.tokens) << vocab_size << " " << splits;
      EXPECT_TRUE(result.logits == expected.logits) << vocab_size << " " << splits;
    }
  }
}

TEST_F(GpuSampleRowsTest, RowsDoNotDependOnOthers) {
  std::mt19937 random(1);
  constexpr int kRows = 64;
  for (const int vocab_size : VocabularySizes()) {
    if (vocab_size > 50000) continue;
    const SampleRowsBatch all = RandomBatch(DeviceIsEmulated() ? 12 : kRows, vocab_size, 2, 3);
    const SampleRowsResult expected = Sample(all);
    for (const int count : {1, 2, 5, 12, 33, 64}) {
      if (count > static_cast<int>(all.rows.size())) continue;
      std::vector<int> selected(count);
      for (int& row : selected) row = static_cast<int>(random() % all.rows.size());
      EXPECT_TRUE(Sample(SelectRows(all, selected)) == SelectRows(expected, vocab_size, selected))
          << count << " rows of " << vocab_size << " tokens";
    }
  }
}

}  // namespace
}  // namespace chimera::testing
