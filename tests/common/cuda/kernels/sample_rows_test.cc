#include "common/cuda/kernels/sample_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/cuda/emulation/emulator.h"
#include "common/sampling/gumbel_noise.h"
#include "tests/common/cuda/kernels/faulty_sample_rows.h"
#include "tests/common/cuda/kernels/sample_rows_batch.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;

// What is tested: LaunchSampleRows() or a faulty kernel in its place.
using Launcher = absl::Status (*)(StreamView, const SampleRowsArguments&);

absl::Status LaunchReal(StreamView stream, const SampleRowsArguments& arguments) {
  return LaunchSampleRows(stream, arguments);
}

absl::Status LaunchOverlapping(StreamView stream, const SampleRowsArguments& arguments) {
  return LaunchSampleRows(stream, arguments, LaunchOrder::kOverlapsPriorLaunch);
}

// All that is written is full of ones before.
SampleRowsResult Sample(Launcher launch, const SampleRowsBatch& batch, Emulator* emulator) {
  const std::vector<float> partials = PartialsOf(batch);
  std::vector<SamplingRow> rows;
  for (const SampledRow& row : batch.rows) rows.push_back(row.sampling);
  const auto row_count = static_cast<int>(rows.size());
  std::vector<float> logits(rows.size() * batch.vocab_size, std::bit_cast<float>(~0u));
  std::vector<int32_t> tokens(rows.size(), -1);
  std::vector<std::byte> workspace(SampleRowsWorkspaceBytes(row_count, batch.vocab_size),
                                   std::byte{0xff});
  CHIMERA_EXPECT_OK(launch(StreamView(*emulator),
                           {row_count, batch.vocab_size, batch.split_count, partials.data(),
                            rows.data(), logits.data(), tokens.data(), workspace.data()}));
  return {LogitBits(logits), tokens};
}

bool EqualsReference(Launcher launch, const SampleRowsBatch& batch, uint64_t seed = 1) {
  Emulator emulator({.seed = seed});
  return Sample(launch, batch, &emulator) == ExpectedResult(batch);
}

void ExpectReference(const SampleRowsBatch& batch) {
  Emulator emulator({.seed = 1});
  const SampleRowsResult result = Sample(&LaunchReal, batch, &emulator);
  const SampleRowsResult expected = ExpectedResult(batch);
  EXPECT_EQ(result.logits, expected.logits);
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const auto& [params, position] = batch.rows[i].sampling;
    EXPECT_EQ(result.tokens[i], expected.tokens[i])
        << "row " << i << " of " << batch.vocab_size << " tokens: temperature "
        << params.temperature << ", top_k " << params.top_k << ", min_p " << params.min_p
        << ", top_p " << params.top_p << ", seed " << params.seed << ", position " << position;
  }
}

// Whether each of some rows has the same bits with all others, alone, and in another place among a
// few.
bool RowsAreInvariant(Launcher launch, int vocab_size, int split_count) {
  constexpr int kRows = 12;
  Emulator emulator({.seed = 1});
  const SampleRowsBatch all = RandomBatch(kRows, vocab_size, split_count, 3);
  const SampleRowsResult results = Sample(launch, all, &emulator);
  bool is_invariant = true;
  const auto check = [&](const std::vector<int>& selected) {
    const SampleRowsResult alone = Sample(launch, SelectRows(all, selected), &emulator);
    is_invariant &= alone == SelectRows(results, vocab_size, selected);
  };
  for (int row = 0; row < kRows; ++row) check({row});
  for (const int count : {2, 5, 11}) {
    std::vector<int> selected(count);
    for (int i = 0; i < count; ++i) selected[i] = (3 + 5 * i) % kRows;
    check(selected);
  }
  return is_invariant;
}

// One row of logits with each of many parameters.
SampleRowsBatch WithParams(const std::vector<float>& logits,
                           const std::vector<SamplingParams>& params) {
  SampleRowsBatch batch = {static_cast<int>(logits.size()), 1, {}};
  for (size_t i = 0; i < params.size(); ++i) {
    batch.rows.push_back({{params[i], static_cast<int64_t>(100 * i)}, logits});
  }
  return batch;
}

std::vector<SamplingParams> ManyParams(int vocab_size) {
  std::vector<SamplingParams> all = {SamplingParams{}};
  for (const float temperature : {1e-4f, 1.0f, 100.0f}) {
    for (const int top_k : {0, 3, vocab_size / 2}) {
      for (const float min_p : {0.0f, 0.05f}) {
        for (const float top_p : {0.3f, 1.0f}) {
          all.push_back({temperature, top_k, min_p, top_p, all.size()});
        }
      }
    }
  }
  return all;
}

// A token above all others, which are equal.
std::vector<float> OneAboveTies(int vocab_size) {
  std::vector<float> logits(vocab_size, 1.0f);
  logits[0] = 6.0f;
  return logits;
}

// Rows whose token is the last that a filter keeps, and the same rows with a filter that just drops
// it.
SampleRowsBatch TopKBoundaries(int vocab_size) {
  const std::vector<float> logits = OneAboveTies(vocab_size);
  SampleRowsBatch batch = {vocab_size, 1, {}};
  for (uint64_t seed = 0; seed < 3; ++seed) {
    SamplingParams params = {.temperature = 1.0f, .seed = seed};
    const int32_t winner = SampleReference(logits, params, 0);
    for (const int32_t k : {winner, winner + 1}) {
      params.top_k = k;
      batch.rows.push_back({{params, 0}, logits});
    }
  }
  return batch;
}

SampleRowsBatch TopPBoundaries(int vocab_size) {
  const std::vector<float> logits = OneAboveTies(vocab_size);
  SampleRowsBatch batch = {vocab_size, 1, {}};
  for (uint64_t seed = 0; seed < 3; ++seed) {
    SamplingParams params = {.temperature = 1.0f, .seed = seed};
    const int32_t winner = SampleReference(logits, params, 0);
    const auto keeps_winner = [&](float top_p) {
      params.top_p = top_p;
      return SampleReference(logits, params, 0) == winner;
    };
    float below = 0;
    float above = 1;
    while (std::nextafter(below, above) < above) {
      const float middle = below + (above - below) / 2;
      (keeps_winner(middle) ? above : below) = middle;
    }
    for (const float top_p : {below, above}) {
      params.top_p = top_p;
      batch.rows.push_back({{params, 0}, logits});
    }
  }
  return batch;
}

TEST(CudaSampleRowsTest, EqualsTheReferenceOnRandomRows) {
  for (const int vocab_size : {1, 2, 3, 127, 128, 129, 500, 2049, 4097, 9000, 32000}) {
    if (kSanitized && vocab_size > 129 && vocab_size != 2049) continue;
    const int row_count = kSanitized || vocab_size > 9000 ? 8 : vocab_size > 500 ? 40 : 120;
    for (int splits = 1; splits <= 3; ++splits) {
      ExpectReference(RandomBatch(row_count, vocab_size, splits, vocab_size + splits));
    }
  }
}

TEST(CudaSampleRowsTest, EqualsTheReferenceOnOddRows) {
  for (const int vocab_size : {2, 130, 500, 4097}) {
    if (kSanitized && vocab_size > 130) continue;
    const bool is_brief = kSanitized && vocab_size > 2;  // the others take 40 s
    const std::vector<SamplingParams> params = ManyParams(vocab_size);
    for (const float all : {0.0f, -5.0f, kNan, kInfinity, -kInfinity, 3e38f, 1e-44f}) {
      if (is_brief && all != 0.0f) continue;
      ExpectReference(WithParams(std::vector<float>(vocab_size, all), params));
    }
    std::vector<float> logits(vocab_size, kNan);
    for (const float last : {-kInfinity, 1.0f, kInfinity}) {
      if (is_brief && last != 1.0f) continue;
      logits.back() = last;
      ExpectReference(WithParams(logits, params));
    }
    for (int i = 0; i < vocab_size; ++i) logits[i] = i % 2 == 0 ? -1e-44f : 0.0f;
    ExpectReference(WithParams(logits, params));  // -0 and +0 once divided by 100
  }
}

TEST(CudaSampleRowsTest, EqualsTheReferenceAtTheEdgesOfFilters) {
  for (const int vocab_size : {500, 4097}) {
    if (kSanitized && vocab_size != 500) continue;
    ExpectReference(TopKBoundaries(vocab_size));
    ExpectReference(TopPBoundaries(vocab_size));
  }
}

// Where logits are 32 apart, great noise rounds up by as much: a token that top-k has dropped could
// tie with the winner from there, and would win by its id.
TEST(CudaSampleRowsTest, TopKCountsAsFarAsNoiseCanReach) {
  struct GreatNoise {
    int64_t position;
    int32_t token;
  };
  constexpr float kGreatest = 0x1.8p28f;
  for (const auto& [position, token] : {GreatNoise{265880, 16}, {583651, 21}, {802970, 7}}) {
    ASSERT_GT(NoiseRow(0, position).Gumbel(token), 16.5f);
    std::vector<float> logits(300, kGreatest);
    std::fill_n(logits.begin(), token + 1, kGreatest - 32);
    SampleRowsBatch batch = {300, 1, {}};
    for (const int top_k : {299, 300}) {  // drops the token, keeps it
      const SamplingParams params = {.temperature = 1, .top_k = top_k};
      batch.rows.push_back({{params, position}, logits});
    }
    EXPECT_NE(ExpectedResult(batch).tokens[0], token);
    EXPECT_EQ(ExpectedResult(batch).tokens[1], token);
    ExpectReference(batch);
  }
}

TEST(CudaSampleRowsTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchReal, 500, 2));
  EXPECT_TRUE(RowsAreInvariant(&LaunchReal, 131, 1));
  if (kSanitized) return;
  EXPECT_TRUE(RowsAreInvariant(&LaunchReal, 9000, 3));
}

TEST(CudaSampleRowsTest, OrderOfThreadsAndBlocksDoesNotMatter) {
  const SampleRowsBatch batch = RandomBatch(kSanitized ? 4 : 24, kSanitized ? 500 : 9000, 2, 5);
  for (uint64_t seed = 0; seed < 6; ++seed) {
    EXPECT_TRUE(EqualsReference(&LaunchReal, batch, seed)) << seed;
  }
}

TEST(CudaSampleRowsTest, MayOverlapThePriorLaunch) {
  EXPECT_TRUE(EqualsReference(&LaunchOverlapping, RandomBatch(8, 500, 2, 6)));
}

TEST(CudaSampleRowsTest, LogitsMayTakeThePlaceOfTheOnlySplit) {
  const SampleRowsBatch batch = RandomBatch(8, 500, 1, 7);
  const auto launch = [](StreamView stream, const SampleRowsArguments& arguments) {
    SampleRowsArguments in_place = arguments;
    std::copy_n(arguments.partials, arguments.row_count * arguments.vocab_size, arguments.logits);
    in_place.partials = arguments.logits;
    return LaunchSampleRows(stream, in_place);
  };
  EXPECT_TRUE(EqualsReference(launch, batch));
}

// As where the output layer is padded to whole tiles. What the padding holds would win.
TEST(CudaSampleRowsTest, RowsOfPartialsMayBePadded) {
  const auto launch = [](StreamView stream, const SampleRowsArguments& arguments) {
    const int row_count = arguments.split_count * arguments.row_count;
    SampleRowsArguments padded = arguments;
    padded.partial_size = (arguments.vocab_size + 15) / 16 * 16;
    std::vector<float> partials(size_t(row_count) * padded.partial_size, 1e30f);
    for (int row = 0; row < row_count; ++row) {
      std::copy_n(arguments.partials + row * arguments.vocab_size, arguments.vocab_size,
                  partials.begin() + row * padded.partial_size);
    }
    padded.partials = partials.data();
    return LaunchSampleRows(stream, padded);
  };
  for (const int vocab_size : {497, 504, 512}) {
    EXPECT_TRUE(EqualsReference(launch, RandomBatch(8, vocab_size, 3, 9))) << vocab_size;
  }
}

// The checks above notice what they are there for.
TEST(CudaSampleRowsTest, FaultyKernelsAreCaught) {
  const SampleRowsBatch random = RandomBatch(kSanitized ? 40 : 120, 500, 2, 8);
  const SampleRowsBatch top_k = TopKBoundaries(500);
  const SampleRowsBatch top_p = TopPBoundaries(500);
  for (const SampleRowsBatch* batch : {&random, &top_k, &top_p}) {
    EXPECT_TRUE(EqualsReference(&LaunchFaultlessSampleRows, *batch));
  }
  EXPECT_FALSE(EqualsReference(&LaunchSampleRowsWithTiesToHighestId, random));
  EXPECT_FALSE(EqualsReference(&LaunchSampleRowsWithAllTiesOfTopK, top_k));
  EXPECT_FALSE(EqualsReference(&LaunchSampleRowsWithFloatWeights, top_p));
  EXPECT_TRUE(RowsAreInvariant(&LaunchFaultlessSampleRows, 500, 2));
  EXPECT_FALSE(RowsAreInvariant(&LaunchSampleRowsWithNoiseOfPlace, 500, 2));
}

}  // namespace
}  // namespace chimera::testing
