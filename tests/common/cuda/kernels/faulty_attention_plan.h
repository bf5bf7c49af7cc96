// Plans with faults that the tests of attention must catch, made of plans without.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ATTENTION_PLAN_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ATTENTION_PLAN_H_

#include <cstdint>
#include <span>

namespace chimera::testing {

// The columns of tails are in order of their KV slots.
void PutTailsInStorageOrder(std::span<int32_t> plan);

// 16 columns of tails share a step, whatever their positions.
void JoinStepsOfTails(std::span<int32_t> plan);

// Work on few rows has chunks of one tile. For plans that split nothing.
void ShortenChunksOfFewRows(std::span<int32_t> plan);

// The last row of work that has several sees all that the one before it sees.
void ShowSiblings(std::span<int32_t> plan);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ATTENTION_PLAN_H_
