#include "common/cpu/cpu_kernels.h"

#include "common/base/check.h"

namespace chimera {

const CpuKernels& GetCpuKernels(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return cpu_internal::kPortableKernels;
    case CpuIsa::kAvx2:
      return cpu_internal::kAvx2Kernels;
    case CpuIsa::kAvx512Vnni:
      return cpu_internal::kAvx512VnniKernels;
  }
  CHIMERA_CHECK(false) << "instruction set " << static_cast<int>(isa);
  return cpu_internal::kPortableKernels;
}

}  // namespace chimera
