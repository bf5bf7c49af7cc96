#include "common/backend/numerics.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace chimera {

absl::string_view NumericsName(Numerics numerics) {
  return numerics == Numerics::kStrict ? "strict" : "pinned";
}

absl::StatusOr<Numerics> ParseNumerics(absl::string_view name) {
  for (const Numerics numerics : {Numerics::kStrict, Numerics::kPinned}) {
    if (name == NumericsName(numerics)) return numerics;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("numerics \"", name, "\", must be \"strict\" or \"pinned\""));
}

}  // namespace chimera
