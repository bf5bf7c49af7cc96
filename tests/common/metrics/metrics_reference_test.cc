#include "tests/common/metrics/metrics_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace chimera::testing {
namespace {

using ::testing::HasSubstr;

TEST(MetricsReferenceTest, TheDocumentIsUpToDate) {
  std::ifstream file(CHIMERA_METRICS_DOCUMENT);
  const std::string document{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
  EXPECT_TRUE(document == MetricsReference())
      << "docs/metrics.md differs from what the registries hold. Write it anew:\n"
         "  cmake --build --preset release --target metrics_reference\n"
         "  build/release/bin/metrics_reference > docs/metrics.md";
}

TEST(MetricsReferenceTest, TellsTypeLabelsBucketsAndMeaning) {
  const std::string text = MetricsReference();
  EXPECT_THAT(text, HasSubstr("| `chimera_ready` | gauge |  | 1 while"));
  EXPECT_THAT(text, HasSubstr("| `chimera_link_bytes_total` | counter | `direction` = `received`, "
                              "`sent`; `peer_role` = `drafter` | Bytes"));
  EXPECT_THAT(text,
              HasSubstr("| `chimera_spec_decode_tree_nodes` | 1, 2, 4, 8, 16, 32, 64, 128 |"));
  EXPECT_THAT(text, HasSubstr("| `process_open_fds` | gauge |"));
}

}  // namespace
}  // namespace chimera::testing
