// Says what memory was wanted for.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_MEMORY_ERROR_H_
#define CHIMERA_COMMON_CUDA_BACKEND_MEMORY_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace chimera {

// RESOURCE_EXHAUSTED with `what` before its message, which says how much memory was asked for and
// free; another status as it is.
inline absl::Status ForWhat(const absl::Status& status, absl::string_view what) {
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::ResourceExhaustedError(
      absl::StrCat("no memory for ", what, ": ", absl::string_view(status.message())));
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_MEMORY_ERROR_H_
