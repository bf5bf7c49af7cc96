// Early return on a status that is not OK. Abseil has had such macros only since 2026.

#ifndef CHIMERA_COMMON_BASE_STATUS_MACROS_H_
#define CHIMERA_COMMON_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define CHIMERA_STATUS_CONCAT_INNER(a, b) a##b
#define CHIMERA_STATUS_CONCAT(a, b) CHIMERA_STATUS_CONCAT_INNER(a, b)

// Returns the status of `expression` from the enclosing function unless it is OK.
#define CHIMERA_RETURN_IF_ERROR(expression)          \
  do {                                               \
    absl::Status chimera_status = (expression);      \
    if (!chimera_status.ok()) return chimera_status; \
  } while (false)

// Assigns the value of a StatusOr `expression` to `target` (which may declare a variable), or
// returns its status.
#define CHIMERA_ASSIGN_OR_RETURN(target, expression)                                         \
  CHIMERA_ASSIGN_OR_RETURN_IMPL(CHIMERA_STATUS_CONCAT(chimera_status_or_, __LINE__), target, \
                                expression)

#define CHIMERA_ASSIGN_OR_RETURN_IMPL(status_or, target, expression) \
  auto status_or = (expression);                                     \
  if (!status_or.ok()) return std::move(status_or).status();         \
  target = std::move(status_or).value()

#endif  // CHIMERA_COMMON_BASE_STATUS_MACROS_H_
