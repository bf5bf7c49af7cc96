// CHIMERA_CHECK: an invariant of our own code. It ends the process with file, line and message when
// it does not hold, so it is never used on anything that a peer, a file or a user can cause; those
// get an absl::Status.

#ifndef CHIMERA_COMMON_BASE_CHECK_H_
#define CHIMERA_COMMON_BASE_CHECK_H_

#include <sstream>

namespace chimera::internal {

// Collects the message and ends the process in its destructor.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  [[noreturn]] ~CheckFailure();

  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Gives both branches of the conditional operator in CHIMERA_CHECK the type void.
struct CheckVoidify {
  void operator&(std::ostream&) const {}
};

}  // namespace chimera::internal

#define CHIMERA_CHECK(condition)                      \
  (condition) ? static_cast<void>(0)                  \
              : ::chimera::internal::CheckVoidify() & \
                    ::chimera::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()

#endif  // CHIMERA_COMMON_BASE_CHECK_H_
