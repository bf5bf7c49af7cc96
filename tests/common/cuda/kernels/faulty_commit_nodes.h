// Plainer kernels for commit_nodes.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_COMMIT_NODES_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_COMMIT_NODES_H_

#include "absl/status/status.h"
#include "common/cuda/kernels/commit_nodes.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// Correct, as the others would be without their faults.
absl::Status LaunchFaultlessCommitNodes(StreamView stream, const CommitNodesArguments& arguments,
                                        LaunchOrder order);

// Leaves the last layer's values behind.
absl::Status LaunchCommitNodesButTheLastValues(StreamView stream,
                                               const CommitNodesArguments& arguments,
                                               LaunchOrder order);

// Copies a slot as if its kv heads lay side by side.
absl::Status LaunchCommitNodesOfAdjacentHeads(StreamView stream,
                                              const CommitNodesArguments& arguments,
                                              LaunchOrder order);

// Takes a move of nothing for one from slot 0.
absl::Status LaunchCommitNodesWithPadding(StreamView stream, const CommitNodesArguments& arguments,
                                          LaunchOrder order);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_COMMIT_NODES_H_
