// Upper bounds of the histograms' buckets. An observation belongs to the first bucket whose bound
// is not below it.

#ifndef CHIMERA_COMMON_METRICS_BUCKETS_H_
#define CHIMERA_COMMON_METRICS_BUCKETS_H_

#include <prometheus/histogram.h>

#include <cstdint>

namespace chimera {

using Buckets = prometheus::Histogram::BucketBoundaries;

// Seconds until the first token.
Buckets FirstTokenSecondsBuckets();

// Seconds between tokens: fine at the low end, since accepted tokens arrive in bursts.
Buckets TokenSecondsBuckets();

// Seconds of a request or of one of its phases.
Buckets RequestSecondsBuckets();

// Seconds of a stage of a step.
Buckets StepSecondsBuckets();

// Seconds of a round trip to a drafter.
Buckets RoundTripSecondsBuckets();

// Tokens of one step.
Buckets StepTokensBuckets();

// Candidates of a tree, and candidates accepted of one.
Buckets TreeNodesBuckets();
Buckets AcceptedLengthBuckets();

// Shares of one, in tenths.
Buckets ShareBuckets();

// 1, 2, 5, 10, 20, 50, ... as far as `most`. REQUIRES: most >= 1.
Buckets OneTwoFiveBuckets(int64_t most);

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_BUCKETS_H_
