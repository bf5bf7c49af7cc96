#include "absl/strings/str_cat.h"
#include "tests/common/backend/backend_kind.h"
#include "tests/common/cpu/isa_test_cases.h"
#include "tests/common/cpu/tiny_cpu_backend.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {

std::vector<BackendKind> BackendKinds() {
  std::vector<BackendKind> kinds;
  for (const CpuIsa isa : kAllCpuIsas) {
    const std::string name(CpuIsaName(isa));
    kinds.push_back({.name = name,
                     .unavailable = IsAvailable(isa)
                                        ? ""
                                        : absl::StrCat("this machine does not support ", name),
                     .is_slow = kSanitized,
                     .create = [isa](const LlamaModel& model, const BackendLimits& limits) {
                       return CreateCpuBackend(model, {.isa = isa, .limits = limits});
                     }});
  }
  return kinds;
}

}  // namespace chimera::testing
