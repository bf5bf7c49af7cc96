// The choice of the instruction set that the CPU kernels use.

#ifndef CHIMERA_COMMON_CPU_CPU_ISA_H_
#define CHIMERA_COMMON_CPU_CPU_ISA_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/cpu/cpu_isa_type.h"

namespace chimera {

// The environment variable that restricts the choice: "portable", "avx2" or "avx512vnni".
inline constexpr char kCpuIsaVariable[] = "CHIMERA_CPU_ISA";

// "portable", "avx2" or "avx512vnni".
absl::string_view CpuIsaName(CpuIsa isa);

// What this processor and its operating system support, kPortable first, the fastest last.
std::vector<CpuIsa> AvailableCpuIsas();

// The fastest of AvailableCpuIsas, or the one that `requested` names unless it is empty.
// INVALID_ARGUMENT if there is no such name, FAILED_PRECONDITION if this machine cannot run it.
absl::StatusOr<CpuIsa> ChooseCpuIsa(absl::string_view requested);

// ChooseCpuIsa with the value of kCpuIsaVariable.
absl::StatusOr<CpuIsa> ChooseCpuIsaFromEnvironment();

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_CPU_ISA_H_
