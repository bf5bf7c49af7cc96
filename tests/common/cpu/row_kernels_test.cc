// Kernels on rows and attention against their references, bit for bit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "common/base/float16.h"
#include "common/cpu/cpu_kernels.h"
#include "common/ops/attention.h"
#include "common/ops/rms_norm.h"
#include "common/ops/rope.h"
#include "common/ops/silu_mul.h"
#include "tests/common/cpu/isa_test_cases.h"

namespace chimera {
namespace {

std::vector<float> RandomFloats(int64_t count, float scale, std::mt19937* random) {
  std::vector<float> x(count);
  for (float& value : x) {
    value = scale * (static_cast<float>((*random)() % 65537) - 32768.0f) / 32768.0f;
  }
  return x;
}

MATCHER_P(HasBitsOf, expected, "has the same bits") {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::memcmp(&arg[i], &expected[i], sizeof(arg[i])) != 0) {
      *result_listener << "element " << i << ": " << arg[i] << " and " << expected[i];
      return false;
    }
  }
  return arg.size() == expected.size();
}

class RowKernelsTest : public ::testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override { CHIMERA_SKIP_UNLESS_AVAILABLE(GetParam()); }

  const CpuKernels& kernels() const { return GetCpuKernels(GetParam()); }

  std::mt19937 random_{3};
};

TEST_P(RowKernelsTest, RmsNorm) {
  for (const int64_t size : {16, 32, 48, 576, 1024, 4096}) {
    for (const float scale : {1e-6f, 1.0f, 300.0f}) {
      const std::vector<float> x = RandomFloats(size, scale, &random_);
      const std::vector<float> weight = RandomFloats(size, 2.0f, &random_);
      std::vector<float> actual(size), expected(size);
      kernels().rms_norm(x.data(), weight.data(), size, 1e-5f, actual.data());
      RmsNormReference(x, weight, 1e-5f, expected);
      EXPECT_THAT(actual, HasBitsOf(expected)) << size;
    }
  }
}

TEST_P(RowKernelsTest, SiluMul) {
  for (const float scale : {0.01f, 1.0f, 20.0f, 200.0f}) {
    const std::vector<float> gate = RandomFloats(1536, scale, &random_);
    const std::vector<float> up = RandomFloats(1536, 3.0f, &random_);
    std::vector<float> actual(1536), expected(1536);
    kernels().silu_mul(gate.data(), up.data(), 1536, actual.data());
    SiluMulReference(gate, up, expected);
    EXPECT_THAT(actual, HasBitsOf(expected)) << scale;
  }
}

TEST_P(RowKernelsTest, Rope) {
  for (const int32_t head_dim : {16, 48, 64, 128}) {
    const RopeTable table(2000, head_dim, 1e5f);
    for (const int64_t position : {0, 1, 17, 1999}) {
      std::vector<float> actual = RandomFloats(3 * head_dim, 2.0f, &random_);
      std::vector<float> expected = actual;
      kernels().rope(table.cosines(position).data(), table.signed_sines(position).data(), head_dim,
                     3, actual.data());
      RopeReference(table, position, expected);
      EXPECT_THAT(actual, HasBitsOf(expected)) << head_dim << " at " << position;
    }
  }
}

TEST_P(RowKernelsTest, AddToAndToHalf) {
  std::vector<float> x = RandomFloats(576, 1e5f, &random_);
  for (int i = 0; i < 64; ++i) x[i] *= 1e-11f;  // subnormal in fp16
  const std::vector<float> y = RandomFloats(576, 1.0f, &random_);
  std::vector<float> sum = x;
  kernels().add_to(y.data(), 576, sum.data());
  std::vector<uint16_t> half(576);
  kernels().to_half(x.data(), 576, half.data());
  for (int i = 0; i < 576; ++i) {
    EXPECT_EQ(sum[i], x[i] + y[i]);
    EXPECT_EQ(half[i], FloatToHalf(x[i])) << x[i];
  }
}

// Keys and values of a sequence, the first in pages and the last as nodes, scattered in memory.
struct ScatteredKv {
  ScatteredKv(int64_t paged_count, int64_t node_count, int64_t head_dim, std::mt19937* random)
      : memory(4 * (paged_count + node_count + kKvPagePositions) * head_dim) {
    // What a last page holds behind its positions must not matter.
    std::fill(memory.begin(), memory.end(), FloatToHalf(std::numeric_limits<float>::quiet_NaN()));
    uint16_t* next = memory.data() + memory.size();
    for (int64_t position = 0; position < paged_count; ++position) {
      const int64_t place = position % kKvPagePositions;
      if (place == 0) {
        next -= 3 * kKvPagePositions * head_dim;
        pages.push_back({.keys = next, .values = next + kKvPagePositions * head_dim});
      }
      const std::span<const uint16_t> key = NewVector(head_dim, random);
      for (int64_t d = 0; d < head_dim; ++d) next[d * kKvPagePositions + place] = key[d];
      const std::span<const uint16_t> value = NewVector(head_dim, random);
      std::copy(value.begin(), value.end(), next + (kKvPagePositions + place) * head_dim);
      keys.push_back(key.data());
      values.push_back(value.data());
    }
    for (int64_t i = 0; i < node_count; ++i) {
      nodes.push_back(
          {.key = NewVector(head_dim, random).data(), .value = NewVector(head_dim, random).data()});
      keys.push_back(nodes.back().key);
      values.push_back(nodes.back().value);
    }
  }

  // Owned by `vectors`.
  std::span<const uint16_t> NewVector(int64_t head_dim, std::mt19937* random) {
    std::vector<uint16_t> vector;
    for (const float x : RandomFloats(head_dim, 2.0f, random)) vector.push_back(FloatToHalf(x));
    vectors.push_back(std::move(vector));
    return vectors.back();
  }

  std::vector<uint16_t> memory;
  std::vector<std::vector<uint16_t>> vectors;
  std::vector<KvPage> pages;
  std::vector<KvNode> nodes;
  std::vector<const uint16_t*> keys;
  std::vector<const uint16_t*> values;
};

struct Positions {
  int64_t paged = 0;
  int64_t nodes = 0;
};

// Rows of one task and what they are to come to. Row r lacks up to r of the positions: first nodes,
// then pages.
struct AttentionRows {
  AttentionRows(const ScatteredKv& kv, const Positions& most, int64_t count, int64_t head_count,
                int64_t head_dim, std::mt19937* random)
      : queries(RandomFloats(count * head_count * head_dim, 3.0f, random)),
        actual(queries.size(), -1.0f),
        expected(queries.size()) {
    const int64_t size = head_count * head_dim;
    for (int64_t r = 0; r < count; ++r) {
      const int64_t nodes = std::max<int64_t>(most.nodes - r, 0);
      const int64_t lacking =
          std::min(r - (most.nodes - nodes), std::max<int64_t>(most.paged - 1, 0));
      const int64_t paged = most.paged - lacking;
      if (paged + nodes == 0) break;
      rows.push_back({.queries = queries.data() + r * size,
                      .paged_count = paged,
                      .nodes = kv.nodes.data() + (most.nodes - nodes),
                      .node_count = nodes,
                      .output = actual.data() + r * size});
      std::vector<const uint16_t*> keys, values;
      for (int64_t p = 0; p < most.paged + most.nodes; ++p) {
        if (p >= paged && p < most.paged + (most.nodes - nodes)) continue;
        keys.push_back(kv.keys[p]);
        values.push_back(kv.values[p]);
      }
      for (int64_t at = r * size; at < (r + 1) * size; at += head_dim) {
        AttentionReference(std::span(queries).subspan(at, head_dim), keys, values,
                           std::span(expected).subspan(at, head_dim));
      }
    }
    actual.resize(rows.size() * size);
    expected.resize(rows.size() * size);
  }

  std::vector<float> queries, actual, expected;  // [row_count, head_count, head_dim]
  std::vector<AttentionRow> rows;
};

TEST_P(RowKernelsTest, Attention) {
  for (const int64_t head_dim : {16, 32, 48, 64, 80, 128}) {
    for (const Positions positions :
         {Positions{1, 0}, Positions{0, 1}, Positions{2, 1}, Positions{15, 0}, Positions{16, 0},
          Positions{16, 3}, Positions{17, 16}, Positions{40, 7}, Positions{300, 5}}) {
      const ScatteredKv kv(positions.paged, positions.nodes, head_dim, &random_);
      for (const int64_t row_count : {1, 2, 3, 7}) {
        for (const int64_t heads : {1, 2, 3, 4, 7, 8}) {
          AttentionRows rows(kv, positions, row_count, heads, head_dim, &random_);
          std::vector<float> weights(AttentionScratchSize(positions.paged + positions.nodes));
          kernels().attention({.rows = rows.rows.data(),
                               .row_count = static_cast<int64_t>(rows.rows.size()),
                               .head_count = heads,
                               .head_dim = head_dim,
                               .pages = kv.pages.data(),
                               .is_cold = row_count % 2 == 0,
                               .weights = weights.data()});
          EXPECT_THAT(rows.actual, HasBitsOf(rows.expected))
              << row_count << " rows of " << heads << " x " << head_dim << ", " << positions.paged
              << " + " << positions.nodes << " positions";
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, RowKernelsTest, ::testing::ValuesIn(testing::kAllCpuIsas),
                         testing::IsaTestName);

}  // namespace
}  // namespace chimera
