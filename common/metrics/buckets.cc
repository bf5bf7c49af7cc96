#include "common/metrics/buckets.h"

#include "common/base/check.h"

namespace chimera {

Buckets FirstTokenSecondsBuckets() {
  return {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,
          .75,  1,    2.5, 5,   7.5, 10,  20,  40, 80,  160};
}

Buckets TokenSecondsBuckets() {
  return {.0005, .001, .0025, .005, .01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5};
}

Buckets RequestSecondsBuckets() {
  return {.01,  .02,   .04,   .08,   .16,   .32, .64, 1.28, 2.56,
          5.12, 10.24, 20.48, 40.96, 81.92, 160, 320, 640};
}

Buckets StepSecondsBuckets() {
  return {20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3,
          10e-3, 20e-3, 50e-3,  .1,     .2,     .5,   1};
}

Buckets RoundTripSecondsBuckets() {
  return {20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3};
}

Buckets StepTokensBuckets() { return {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192}; }

Buckets TreeNodesBuckets() { return {1, 2, 4, 8, 16, 32, 64, 128}; }

Buckets AcceptedLengthBuckets() { return {0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16}; }

Buckets ShareBuckets() { return {0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1}; }

Buckets OneTwoFiveBuckets(int64_t most) {
  CHIMERA_CHECK(most >= 1) << "most is " << most;
  Buckets bounds;
  for (double decade = 1; decade <= static_cast<double>(most); decade *= 10) {
    for (const double step : {1, 2, 5}) {
      if (decade * step <= static_cast<double>(most)) bounds.push_back(decade * step);
    }
  }
  return bounds;
}

}  // namespace chimera
