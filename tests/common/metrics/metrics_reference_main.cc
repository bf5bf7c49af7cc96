// Prints docs/metrics.md.

#include <cstdio>
#include <string>

#include "tests/common/metrics/metrics_reference.h"

int main() {
  const std::string text = chimera::testing::MetricsReference();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
