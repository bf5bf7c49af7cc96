#include "common/cuda/emulation/thread_block.h"

#include <algorithm>
#include <new>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/cuda/emulation/poison.h"

namespace chimera::emulation {
namespace {

constexpr std::align_val_t kSharedAlignment{128};

// Kernels call the primitives as functions, which find the block they belong to here.
thread_local ThreadBlock* running_block = nullptr;

}  // namespace

void ThreadBlock::FreeAligned::operator()(std::byte* memory) const {
  ::operator delete(memory, kSharedAlignment);
}

ThreadBlock::ThreadBlock(const Options& options, std::span<const std::unique_ptr<Fiber>> fibers,
                         RandomOrder* order)
    : options_(options),
      fibers_(fibers),
      shared_memory_(
          static_cast<std::byte*>(::operator new(options.shape.shared_bytes, kSharedAlignment))),
      schedule_(options.thread_count / kWarpSize, order),
      threads_(options.thread_count),
      warps_(options.thread_count / kWarpSize) {
  CHIMERA_CHECK(options.thread_count > 0 && options.thread_count % kWarpSize == 0)
      << "a block of " << options.thread_count << " threads";
  CHIMERA_CHECK(fibers.size() >= threads_.size());
}

void ThreadBlock::Run(const GridIndex& block, const std::function<void()>& thread_body) {
  CHIMERA_CHECK(running_block == nullptr) << "a kernel was launched by a kernel";
  block_ = block;
  std::fill_n(shared_memory_.get(), options_.shape.shared_bytes, kPoison);
  const std::function<void()> run_thread = [&] { RunThread(thread_body); };
  schedule_.BeginBlock();
  for (int i = 0; i < options_.thread_count; ++i) {
    fibers_[i]->Start(&run_thread);
    schedule_.Add(i);
  }

  running_block = this;
  int ended = 0;
  while (!schedule_.empty()) {
    current_ = schedule_.Take();
    if (fibers_[current_]->Resume()) ++ended;
  }
  running_block = nullptr;
  CHIMERA_CHECK(ended == options_.thread_count)
      << "threads wait for others that never come: " << DescribeWaiting() << ended
      << " threads have ended";
}

void ThreadBlock::RunThread(const std::function<void()>& thread_body) {
  Thread& thread = threads_[current_];
  thread.has_waited_for_prior_launch = false;
  thread_body();
  thread.copies.Clear();
  CHIMERA_CHECK(thread.has_waited_for_prior_launch ||
                options_.shape.order == LaunchOrder::kAfterPriorLaunch)
      << "thread " << current_ << " overlaps the prior launch and never waits for it";
}

ThreadBlock& ThreadBlock::Current() {
  CHIMERA_CHECK(running_block != nullptr) << "a device primitive was called outside a kernel";
  return *running_block;
}

void ThreadBlock::WaitAtBarrier(int barrier, int thread_count) {
  CHIMERA_CHECK(barrier >= 0 && barrier < kBlockBarriers) << "barrier " << barrier;
  CHIMERA_CHECK(thread_count > 0 && thread_count <= options_.thread_count &&
                thread_count % kWarpSize == 0)
      << "barrier " << barrier << " of " << thread_count << " threads";
  Meeting& meeting = barriers_[barrier];
  if (meeting.waiting.empty()) meeting.expected = thread_count;
  CHIMERA_CHECK(meeting.expected == thread_count)
      << "thread " << current_ << " expects " << thread_count << " threads at barrier " << barrier
      << ", others expect " << meeting.expected;
  Meet(&meeting, [] {});
}

LaneRegisters ThreadBlock::RunInWarp(WarpOperation operation, const LaneRegisters& operands) {
  Warp& warp = warps_[current_ / kWarpSize];
  const int lane = current_ % kWarpSize;
  if (warp.meeting.waiting.empty()) {
    warp.operation = operation;
    warp.meeting.expected = kWarpSize;
  }
  CHIMERA_CHECK(warp.operation == operation)
      << "thread " << current_ << " is at " << WarpOperationName(operation) << ", thread "
      << warp.meeting.waiting.front() << " of its warp at " << WarpOperationName(warp.operation);
  warp.operands[lane] = operands;
  Meet(&warp.meeting, [&] {
    const WarpEnvironment environment = {options_.tensor_core,
                                         {shared_memory_.get(), options_.shape.shared_bytes}};
    ComputeWarpOperation(operation, environment, warp.operands, &warp.results);
  });
  // Stays as it is until this lane has come to the next operation.
  return warp.results[lane];
}

template <typename Complete>
void ThreadBlock::Meet(Meeting* meeting, const Complete& complete) {
  meeting->waiting.push_back(current_);
  if (static_cast<int>(meeting->waiting.size()) == meeting->expected) {
    complete();
    for (const int thread : meeting->waiting) schedule_.Add(thread);
    meeting->waiting.clear();
  }
  fibers_[current_]->Suspend();
}

std::string ThreadBlock::DescribeWaiting() const {
  std::string text = absl::StrFormat("in block (%d, %d, %d) ", block_.x, block_.y, block_.z);
  const auto describe = [&text](const Meeting& meeting, const std::string& place) {
    if (meeting.waiting.empty()) return;
    const int first = *std::ranges::min_element(meeting.waiting);
    absl::StrAppend(&text, meeting.waiting.size(), " of ", meeting.expected, " threads, thread ",
                    first, " the first, wait at ", place, "; ");
  };
  for (int i = 0; i < kBlockBarriers; ++i) describe(barriers_[i], "barrier " + std::to_string(i));
  for (const Warp& warp : warps_) describe(warp.meeting, WarpOperationName(warp.operation));
  return text;
}

std::byte* ThreadBlock::SharedMemory(size_t size) {
  CHIMERA_CHECK(size <= options_.shape.shared_bytes)
      << "a kernel uses " << size << " bytes of shared memory, its launch gives it "
      << options_.shape.shared_bytes;
  return shared_memory_.get();
}

uint32_t ThreadBlock::SharedOffset(const void* address, size_t size) const {
  const auto* byte = static_cast<const std::byte*>(address);
  const std::byte* begin = shared_memory_.get();
  // Pointers into different objects are ordered by std::less only.
  const std::less<> less;
  const bool is_inside = !less(byte, begin) && !less(begin + options_.shape.shared_bytes, byte);
  CHIMERA_CHECK(is_inside && options_.shape.shared_bytes - (byte - begin) >= size)
      << "thread " << current_ << " names " << size << " bytes that are not in shared memory";
  return static_cast<uint32_t>(byte - begin);
}

}  // namespace chimera::emulation
