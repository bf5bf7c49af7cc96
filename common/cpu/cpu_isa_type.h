// The instruction sets that CPU kernels exist for. Includes nothing, so that their translation
// units may include it.

#ifndef CHIMERA_COMMON_CPU_CPU_ISA_TYPE_H_
#define CHIMERA_COMMON_CPU_CPU_ISA_TYPE_H_

namespace chimera {

// All give the same bits; each needs what the ones before it need and more.
enum class CpuIsa {
  kPortable,    // plain C++
  kAvx2,        // AVX2, FMA, F16C
  kAvx512Vnni,  // also AVX-512 F, BW, VL and VNNI
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_CPU_ISA_TYPE_H_
