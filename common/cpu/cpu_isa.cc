#include "common/cpu/cpu_isa.h"

#include <cpuid.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"

namespace chimera {
namespace {

constexpr CpuIsa kAllIsas[] = {CpuIsa::kPortable, CpuIsa::kAvx2, CpuIsa::kAvx512Vnni};

// Clang's __builtin_cpu_supports does not know this one.
bool HasF16c() {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

// The compiler's builtins ask cpuid and, through xgetbv, whether the system saves the registers.
bool IsAvailable(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return true;
    case CpuIsa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c();
    case CpuIsa::kAvx512Vnni:
      return IsAvailable(CpuIsa::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vnni");
  }
  return false;
}

std::string Names(const std::vector<CpuIsa>& isas) {
  return absl::StrJoin(isas, ", ",
                       [](std::string* out, CpuIsa isa) { absl::StrAppend(out, CpuIsaName(isa)); });
}

}  // namespace

absl::string_view CpuIsaName(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return "portable";
    case CpuIsa::kAvx2:
      return "avx2";
    case CpuIsa::kAvx512Vnni:
      return "avx512vnni";
  }
  CHIMERA_CHECK(false) << "instruction set " << static_cast<int>(isa);
  return "";
}

std::vector<CpuIsa> AvailableCpuIsas() {
  std::vector<CpuIsa> available;
  std::copy_if(std::begin(kAllIsas), std::end(kAllIsas), std::back_inserter(available),
               IsAvailable);
  return available;
}

absl::StatusOr<CpuIsa> ChooseCpuIsa(absl::string_view requested) {
  const std::vector<CpuIsa> available = AvailableCpuIsas();
  if (requested.empty()) return available.back();
  const auto isa = std::find_if(std::begin(kAllIsas), std::end(kAllIsas), [&](CpuIsa candidate) {
    return CpuIsaName(candidate) == requested;
  });
  if (isa == std::end(kAllIsas)) {
    return absl::InvalidArgumentError(
        absl::StrCat("CPU instruction set \"", requested, "\" is not one of ",
                     Names(std::vector<CpuIsa>(std::begin(kAllIsas), std::end(kAllIsas)))));
  }
  if (!IsAvailable(*isa)) {
    return absl::FailedPreconditionError(
        absl::StrCat("this machine does not support ", requested, ", only ", Names(available)));
  }
  return *isa;
}

absl::StatusOr<CpuIsa> ChooseCpuIsaFromEnvironment() {
  const char* requested = std::getenv(kCpuIsaVariable);
  absl::StatusOr<CpuIsa> isa = ChooseCpuIsa(requested == nullptr ? "" : requested);
  if (isa.ok()) return isa;
  return absl::Status(isa.status().code(),
                      absl::StrCat(kCpuIsaVariable, ": ", isa.status().message()));
}

}  // namespace chimera
