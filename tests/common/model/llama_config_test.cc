#include "common/model/llama_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

constexpr LlamaConfig kValid = {.layer_count = 2,
                                .hidden_size = 64,
                                .query_head_count = 4,
                                .kv_head_count = 1,
                                .head_dim = 32,
                                .ffn_size = 96,
                                .vocab_size = 320,
                                .context_length = 512};

struct SizeLimits {
  const char* field;
  int32_t LlamaConfig::*member;
  int32_t minimum;
  int32_t maximum;
  int32_t multiple;
};

class LlamaConfigSizeTest : public ::testing::TestWithParam<SizeLimits> {
 protected:
  static absl::Status StatusWith(int32_t value) {
    LlamaConfig config = kValid;
    config.*GetParam().member = value;
    return ValidateLlamaConfig(config);
  }
};

TEST_P(LlamaConfigSizeTest, IsWithinItsLimits) {
  const SizeLimits& limits = GetParam();
  CHIMERA_EXPECT_OK(StatusWith(limits.minimum));
  CHIMERA_EXPECT_OK(StatusWith(limits.maximum));
  for (const int32_t value :
       {limits.minimum - 1, limits.maximum + 1, 0, -limits.minimum,
        std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
    EXPECT_THAT(StatusWith(value),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string(limits.field) + " is " + std::to_string(value))));
  }
  if (limits.multiple == 1) return;
  EXPECT_THAT(StatusWith(limits.minimum + 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a multiple of ")));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, LlamaConfigSizeTest,
    ::testing::Values(SizeLimits{"layer_count", &LlamaConfig::layer_count, 1, 1024, 1},
                      SizeLimits{"hidden_size", &LlamaConfig::hidden_size, 32, 1 << 16, 32},
                      SizeLimits{"query_head_count", &LlamaConfig::query_head_count, 1, 1024, 1},
                      SizeLimits{"kv_head_count", &LlamaConfig::kv_head_count, 1, 4, 1},
                      SizeLimits{"head_dim", &LlamaConfig::head_dim, 8, 1024, 2},
                      SizeLimits{"ffn_size", &LlamaConfig::ffn_size, 32, 1 << 20, 32},
                      SizeLimits{"vocab_size", &LlamaConfig::vocab_size, 1, 1 << 20, 1},
                      SizeLimits{"context_length", &LlamaConfig::context_length, 1, 1 << 24, 1}),
    [](const auto& param_info) { return std::string(param_info.param.field); });

TEST(LlamaConfigTest, HeadsFitTogether) {
  LlamaConfig config = kValid;
  config.kv_head_count = 3;
  EXPECT_THAT(ValidateLlamaConfig(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "kv_head_count is 3, must divide query_head_count 4"));
  config = kValid;
  config.head_dim = 10;
  EXPECT_THAT(ValidateLlamaConfig(config),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("query_size")));
}

TEST(LlamaConfigTest, RealNumbersArePositiveAndFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {nan, infinity, -infinity, 0.0f, -1.0f, 1e11f}) {
    LlamaConfig config = kValid;
    config.rope_base = value;
    EXPECT_THAT(ValidateLlamaConfig(config),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rope_base is ")));
    config = kValid;
    config.rms_norm_epsilon = value;
    EXPECT_THAT(ValidateLlamaConfig(config),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rms_norm_epsilon is ")));
  }
}

}  // namespace
}  // namespace chimera
