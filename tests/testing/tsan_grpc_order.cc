// Shows ThreadSanitizer the order that gRPC makes. Debian's gRPC and Abseil are not built with it,
// so it cannot see that absl::Mutex orders what gRPC's threads do to a call, nor that a batch of
// operations was started before it ended, and would report everything that these guard. The
// functions below stand before those of the libraries, call them, and tell ThreadSanitizer of the
// order. Linked into every test of the tsan build (cmake/ChimeraTargets.cmake), and nowhere else.

#include <dlfcn.h>
#include <grpc/grpc.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>

#include "absl/base/options.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

#define CHIMERA_STRING_OF(name) #name
#define CHIMERA_STRING(name) CHIMERA_STRING_OF(name)
// The mangled name of Abseil's inline namespace, a name of seven letters.
#define CHIMERA_ABSL_SYMBOL(rest) "_ZN4absl7" CHIMERA_STRING(ABSL_OPTION_INLINE_NAMESPACE_NAME) rest

namespace {

template <typename Function>
Function NextDefinition(const char* symbol) {
  void* address = dlsym(RTLD_NEXT, symbol);
  if (address == nullptr) {
    std::fprintf(stderr, "tsan_grpc_order.cc: no library defines %s\n", symbol);
    std::abort();
  }
  return reinterpret_cast<Function>(address);
}

// An event that ends a batch comes after the start of that batch.
grpc_event AfterItsStart(grpc_event event) {
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}

// A wait on a condition variable: lets go of the mutex and holds it again at the end.
class VisibleWait {
 public:
  explicit VisibleWait(absl::Mutex* mutex) : mutex_(mutex) { __tsan_release(mutex_); }
  ~VisibleWait() { __tsan_acquire(mutex_); }
  VisibleWait(const VisibleWait&) = delete;
  VisibleWait& operator=(const VisibleWait&) = delete;

 private:
  absl::Mutex* const mutex_;
};

}  // namespace

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t count, void* tag,
                                      void* reserved) {
  static const auto next =
      NextDefinition<decltype(&grpc_call_start_batch)>("grpc_call_start_batch");
  __tsan_release(tag);
  return next(call, ops, count, tag, reserved);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                                      void* reserved) {
  static const auto next =
      NextDefinition<decltype(&grpc_completion_queue_next)>("grpc_completion_queue_next");
  return AfterItsStart(next(queue, deadline, reserved));
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag,
                                       gpr_timespec deadline, void* reserved) {
  static const auto next =
      NextDefinition<decltype(&grpc_completion_queue_pluck)>("grpc_completion_queue_pluck");
  return AfterItsStart(next(queue, tag, deadline, reserved));
}

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static const auto next = NextDefinition<void (*)(Mutex*)>(CHIMERA_ABSL_SYMBOL("5Mutex4LockEv"));
  next(this);
  __tsan_acquire(this);
}

bool Mutex::TryLock() {
  static const auto next =
      NextDefinition<bool (*)(Mutex*)>(CHIMERA_ABSL_SYMBOL("5Mutex7TryLockEv"));
  const bool locked = next(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Unlock() {
  static const auto next = NextDefinition<void (*)(Mutex*)>(CHIMERA_ABSL_SYMBOL("5Mutex6UnlockEv"));
  __tsan_release(this);
  next(this);
}

void CondVar::Wait(Mutex* mutex) {
  static const auto next =
      NextDefinition<void (*)(CondVar*, Mutex*)>(CHIMERA_ABSL_SYMBOL("7CondVar4WaitEPNS0_5MutexE"));
  const VisibleWait wait(mutex);
  next(this, mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto next = NextDefinition<bool (*)(CondVar*, Mutex*, Duration)>(
      CHIMERA_ABSL_SYMBOL("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE"));
  const VisibleWait wait(mutex);
  return next(this, mutex, timeout);
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto next = NextDefinition<bool (*)(CondVar*, Mutex*, Time)>(
      CHIMERA_ABSL_SYMBOL("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE"));
  const VisibleWait wait(mutex);
  return next(this, mutex, deadline);
}

ABSL_NAMESPACE_END
}  // namespace absl
