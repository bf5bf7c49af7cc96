#include "common/cuda/emulation/fiber.h"

#include <array>
#include <bit>

#include "common/base/check.h"

// Part of the sanitizers' run-time libraries, and null in builds without them.
// NOLINTBEGIN(bugprone-reserved-identifier): these are their names.
extern "C" {
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** saved_frames, const void* bottom,
                                                          size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* saved_frames, const void** bottom,
                                                           size_t* size);
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_destroy_fiber(void* fiber);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace chimera::emulation {
namespace {

// Room for the frames of instrumented, unoptimised kernels, and small enough for allocators not to
// ask the system for each.
constexpr size_t kStackBytes = size_t{96} * 1024;

}  // namespace

Fiber::Fiber() : stack_(std::make_unique_for_overwrite<std::byte[]>(kStackBytes)) {
  own_.bottom = stack_.get();
  own_.size = kStackBytes;
  if (__tsan_create_fiber != nullptr) own_.thread = __tsan_create_fiber(0);
  CHIMERA_CHECK(getcontext(&first_entry_) == 0);
  first_entry_.uc_stack.ss_sp = stack_.get();
  first_entry_.uc_stack.ss_size = kStackBytes;
  // makecontext() passes on numbers of type int only.
  const auto self = std::bit_cast<std::array<unsigned, 2>>(this);
  makecontext(&first_entry_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2, self[0], self[1]);
}

Fiber::~Fiber() {
  CHIMERA_CHECK(!is_running_) << "a fiber is destroyed while its function is suspended";
  if (was_entered_) {
    function_ = nullptr;  // lets RunFunctions() return
    Resume();
  }
  if (__tsan_destroy_fiber != nullptr) __tsan_destroy_fiber(own_.thread);
}

void Fiber::Start(const std::function<void()>* function) {
  CHIMERA_CHECK(!is_running_);
  function_ = function;
  is_running_ = true;
}

// The first entry takes a system call, all others do not: _setjmp() leaves the signal mask alone.
bool Fiber::Resume() {
  if (__tsan_get_current_fiber != nullptr) resumer_.thread = __tsan_get_current_fiber();
  if (_setjmp(resumed_at_) == 0) {
    if (__sanitizer_start_switch_fiber != nullptr) {
      __sanitizer_start_switch_fiber(&resumer_.saved_frames, own_.bottom, own_.size);
    }
    if (__tsan_switch_to_fiber != nullptr) __tsan_switch_to_fiber(own_.thread, 0);
    if (was_entered_) _longjmp(suspended_at_, 1);
    was_entered_ = true;
    setcontext(&first_entry_);
  }
  if (__sanitizer_finish_switch_fiber != nullptr) {
    __sanitizer_finish_switch_fiber(resumer_.saved_frames, nullptr, nullptr);
  }
  return !is_running_;
}

void Fiber::Suspend() {
  if (_setjmp(suspended_at_) == 0) {
    if (__sanitizer_start_switch_fiber != nullptr) {
      __sanitizer_start_switch_fiber(&own_.saved_frames, resumer_.bottom, resumer_.size);
    }
    if (__tsan_switch_to_fiber != nullptr) __tsan_switch_to_fiber(resumer_.thread, 0);
    _longjmp(resumed_at_, 1);
  }
  if (__sanitizer_finish_switch_fiber != nullptr) {
    __sanitizer_finish_switch_fiber(own_.saved_frames, &resumer_.bottom, &resumer_.size);
  }
}

void Fiber::Enter(unsigned first, unsigned second) {
  auto* fiber = std::bit_cast<Fiber*>(std::array<unsigned, 2>{first, second});
  if (__sanitizer_finish_switch_fiber != nullptr) {
    __sanitizer_finish_switch_fiber(nullptr, &fiber->resumer_.bottom, &fiber->resumer_.size);
  }
  fiber->RunFunctions();
  fiber->LeaveForGood();
}

void Fiber::RunFunctions() {
  while (function_ != nullptr) {
    (*function_)();
    is_running_ = false;
    Suspend();
  }
}

void Fiber::LeaveForGood() {
  // Without a place to save them, AddressSanitizer frees this stack's frames.
  if (__sanitizer_start_switch_fiber != nullptr) {
    __sanitizer_start_switch_fiber(nullptr, resumer_.bottom, resumer_.size);
  }
  if (__tsan_switch_to_fiber != nullptr) __tsan_switch_to_fiber(resumer_.thread, 0);
  _longjmp(resumed_at_, 1);
}

}  // namespace chimera::emulation
