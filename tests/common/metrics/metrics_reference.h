// The text of docs/metrics.md.

#ifndef CHIMERA_TESTS_COMMON_METRICS_METRICS_REFERENCE_H_
#define CHIMERA_TESTS_COMMON_METRICS_METRICS_REFERENCE_H_

#include <string>

namespace chimera::testing {

// Describes in Markdown what a verifier's and a drafter's registry and the process collector hold.
std::string MetricsReference();

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_METRICS_METRICS_REFERENCE_H_
