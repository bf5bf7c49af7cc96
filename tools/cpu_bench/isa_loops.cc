#include "tools/cpu_bench/isa_loops.h"

#include "common/base/check.h"

namespace chimera {

const IsaLoops& GetIsaLoops(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return cpu_bench_internal::kPortableLoops;
    case CpuIsa::kAvx2:
      return cpu_bench_internal::kAvx2Loops;
    case CpuIsa::kAvx512Vnni:
      return cpu_bench_internal::kAvx512VnniLoops;
  }
  CHIMERA_CHECK(false) << "instruction set " << static_cast<int>(isa);
  return cpu_bench_internal::kPortableLoops;
}

}  // namespace chimera
