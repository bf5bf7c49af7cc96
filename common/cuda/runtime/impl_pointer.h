// What owners of this library and of common/cuda/blas have in common: what they keep is not in
// their headers, but in those of the implementation that a program links.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_IMPL_POINTER_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_IMPL_POINTER_H_

#include <memory>

#include "common/base/check.h"

namespace chimera::cuda {

// Owns the Impl of an owner, which needs to be complete where it is made only. Moving it leaves
// nothing behind but an object to assign to or destroy.
template <typename Impl>
class ImplPointer {
 public:
  // `destroy` gives back what the Impl has, and deletes it.
  explicit ImplPointer(Impl* impl, void (*destroy)(Impl*) = &Delete) : impl_(impl, destroy) {}

  // REQUIRES: it was not moved from.
  Impl& operator*() const {
    CHIMERA_CHECK(impl_ != nullptr) << "an object that was moved from is used";
    return *impl_;
  }

 private:
  static void Delete(Impl* impl) { delete impl; }

  std::unique_ptr<Impl, void (*)(Impl*)> impl_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_IMPL_POINTER_H_
