// What the loading of random networks has in common.

#ifndef CHIMERA_TOOLS_GPU_BENCH_LOADING_H_
#define CHIMERA_TOOLS_GPU_BENCH_LOADING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace chimera {

// Threads that convert weights: as many as there are, but no more than are of use.
int LoadingThreads();

// RESOURCE_EXHAUSTED if `what`, which takes so many bytes, does not fit into the memory that is
// free on the calling thread's device: said before minutes are spent on the first part of it.
absl::Status CheckFreeMemory(absl::string_view what, int64_t bytes);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_LOADING_H_
