// Ways to compute linear layers, between which an operator chooses.

#ifndef CHIMERA_COMMON_BACKEND_NUMERICS_H_
#define CHIMERA_COMMON_BACKEND_NUMERICS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chimera {

enum class Numerics {
  kStrict,  // by code of ours, which keeps the promise of Backend by construction
  // By the library of a CUDA device, with one algorithm for every number of rows; a test at
  // start-up tells whether it keeps the promise.
  kPinned,
};

// "strict" or "pinned".
absl::string_view NumericsName(Numerics numerics);

// From "strict" or "pinned". INVALID_ARGUMENT, naming both, for anything else.
absl::StatusOr<Numerics> ParseNumerics(absl::string_view name);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_NUMERICS_H_
