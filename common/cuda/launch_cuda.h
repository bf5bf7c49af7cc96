// Launch() on a CUDA stream. Included by launch.h only.

#ifndef CHIMERA_COMMON_CUDA_LAUNCH_CUDA_H_
#define CHIMERA_COMMON_CUDA_LAUNCH_CUDA_H_

#include <cuda_runtime.h>

#include "common/base/status_macros.h"
#include "common/cuda/launch.h"
#include "common/cuda/runtime/cuda_stream.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera {
namespace launch_internal {

// The most dynamic shared memory that a kernel gets without asking.
inline constexpr size_t kDefaultSharedBytes = size_t{48} * 1024;

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, Kernel::kBlocksPerMultiprocessor)
    RunKernel(const __grid_constant__ typename Kernel::Arguments arguments) {
  Kernel::Run(arguments);
}

}  // namespace launch_internal

template <LaunchableKernel Kernel>
absl::Status Launch(StreamView stream, const LaunchShape& shape,
                    const typename Kernel::Arguments& arguments) {
  CheckOccupancy<Kernel>(shape);
  CHIMERA_CHECK(stream.stream() != nullptr) << "a kernel for devices needs a stream";
  auto* const kernel = &launch_internal::RunKernel<Kernel>;
  if (shape.shared_bytes > launch_internal::kDefaultSharedBytes) {
    CHIMERA_RETURN_IF_ERROR(
        cuda::ToStatus(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(shape.shared_bytes)),
                       "cudaFuncSetAttribute(shared memory)"));
  }
  cudaLaunchAttribute overlap = {};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim =
      dim3(static_cast<unsigned>(shape.blocks.x), static_cast<unsigned>(shape.blocks.y),
           static_cast<unsigned>(shape.blocks.z));
  config.blockDim = dim3(Kernel::kThreads);
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = cuda::CudaStream(*stream.stream());
  config.attrs = &overlap;
  config.numAttrs = shape.order == LaunchOrder::kOverlapsPriorLaunch ? 1 : 0;
  return cuda::ToStatus(cudaLaunchKernelEx(&config, kernel, arguments), "cudaLaunchKernelEx");
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_LAUNCH_CUDA_H_
