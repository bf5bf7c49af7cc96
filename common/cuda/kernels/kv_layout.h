// How a layer's keys, and likewise its values, lie in device memory:
// [page, kv_head, kPageSlots, head_dim] bf16. KV slot s is row s % kPageSlots of page
// s / kPageSlots. Keys are stored rotated.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_KV_LAYOUT_H_
#define CHIMERA_COMMON_CUDA_KERNELS_KV_LAYOUT_H_

#include <cstdint>

namespace chimera {

// KV slots of a page, each for one position.
inline constexpr int kPageSlots = 16;

// The first of the head_dim elements of a kv head in a slot. Constexpr, and so for kernels, too.
constexpr int64_t KvElement(int slot, int kv_head, int kv_head_count, int head_dim) {
  const int64_t head_of_page = int64_t{slot / kPageSlots} * kv_head_count + kv_head;
  return (head_of_page * kPageSlots + slot % kPageSlots) * head_dim;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_KV_LAYOUT_H_
