// Functions that can stop in the middle and go on later, on one thread of the operating system.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_FIBER_H_
#define CHIMERA_COMMON_CUDA_EMULATION_FIBER_H_

#include <ucontext.h>

#include <csetjmp>
#include <cstddef>
#include <functional>
#include <memory>

namespace chimera::emulation {

// A stack of its own on which functions run, one after another. AddressSanitizer and
// ThreadSanitizer are told of every change of stacks. All calls come from one thread, and nothing
// thrown may leave a function.
class Fiber {
 public:
  Fiber();
  // REQUIRES: no function is suspended.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next Resume() begins `function`, which must outlive its run. REQUIRES: the one before has
  // returned.
  void Start(const std::function<void()>* function);

  // Runs the function until it suspends or returns; whether it returned. REQUIRES: it was started
  // and has not returned, and the caller is not on this fiber.
  bool Resume();

  // Leaves the function for Resume() to return. REQUIRES: called by the function itself.
  void Suspend();

 private:
  // A stack as the sanitizers know it. Their functions are there only in builds with them.
  struct SanitizerStack {
    const void* bottom = nullptr;
    size_t size = 0;
    void* saved_frames = nullptr;  // AddressSanitizer's, while another stack runs
    void* thread = nullptr;        // ThreadSanitizer's
  };

  // Where a fiber begins; the arguments are the halves of its address.
  static void Enter(unsigned first, unsigned second);
  void RunFunctions();
  void LeaveForGood();

  std::unique_ptr<std::byte[]> stack_;
  ucontext_t first_entry_ = {};
  jmp_buf resumed_at_ = {};    // where Resume() was called
  jmp_buf suspended_at_ = {};  // where Suspend() was called
  bool was_entered_ = false;
  bool is_running_ = false;  // a function was started and has not returned
  const std::function<void()>* function_ = nullptr;
  SanitizerStack own_;
  SanitizerStack resumer_;
};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_FIBER_H_
