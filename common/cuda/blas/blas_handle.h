// The library of matrix multiplications: cuBLASLt.
//
// As those of common/cuda/runtime, the headers of this folder name no type of CUDA, and two
// libraries implement them, of which a program links one beside the runtime of the same kind:
// common_cuda_blas and common_cuda_blas_emulated.

#ifndef CHIMERA_COMMON_CUDA_BLAS_BLAS_HANDLE_H_
#define CHIMERA_COMMON_CUDA_BLAS_BLAS_HANDLE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/cuda/runtime/impl_pointer.h"

namespace chimera::cuda {

// Owns the library's state for one device. Moving it leaves nothing behind but an object to assign
// to or destroy. Any thread; must outlive what is made with it (linear.h).
class BlasHandle {
 public:
  // For the calling thread's device (SelectDevice). Takes some memory of the device. Errors:
  // device_error.h.
  static absl::StatusOr<BlasHandle> Create();

  // Name and version of the library: algorithms, and with them bits, change with it.
  std::string description() const;

  // What an implementation keeps. For the implementations.
  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit BlasHandle(ImplPointer<Impl> impl) : impl_(std::move(impl)) {}

  ImplPointer<Impl> impl_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_BLAS_HANDLE_H_
