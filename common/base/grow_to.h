// Scratch memory that is kept from call to call.

#ifndef CHIMERA_COMMON_BASE_GROW_TO_H_
#define CHIMERA_COMMON_BASE_GROW_TO_H_

#include <cstdint>
#include <vector>

namespace chimera {

// Makes `vector` at least `size` long and returns its memory. What is there stays.
template <typename T>
T* GrowTo(int64_t size, std::vector<T>* vector) {
  if (static_cast<int64_t>(vector->size()) < size) vector->resize(size);
  return vector->data();
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_GROW_TO_H_
