#include "tests/common/cuda/kernels/faulty_rope_append.h"

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/launch.h"

namespace chimera::testing {
namespace {

enum class Fault { kNone, kSplitsByRowCount, kPaddingWritten, kKeysNotRotated };

// One warp per head of each row, a pair at a time.
struct Kernel {
  struct Arguments {
    RopeAppendArguments rope;
    Fault fault;
  };
  static constexpr int kThreads = kWarpSize;
  static constexpr int kBlocksPerMultiprocessor = 1;

  static CHIMERA_DEVICE int HeadCount(const RopeAppendArguments& rope) {
    return rope.head_count + 2 * rope.kv_head_count;
  }

  static CHIMERA_DEVICE float Sum(const Arguments& arguments, int element) {
    const RopeAppendArguments& rope = arguments.rope;
    const bool is_reversed = arguments.fault == Fault::kSplitsByRowCount && rope.row_count >= 64;
    float sum = 0;
    for (int i = 0; i < rope.split_count; ++i) {
      const int64_t split = is_reversed ? rope.split_count - 1 - i : i;
      const int64_t head =
          (split * rope.row_count + device::BlockX()) * HeadCount(rope) + device::BlockY();
      sum = device::Add(sum, rope.partials[head * rope.head_dim + element]);
    }
    return sum;
  }

  // Null where nothing is to be written.
  static CHIMERA_DEVICE uint16_t* Output(const Arguments& arguments) {
    const RopeAppendArguments& rope = arguments.rope;
    const int row = device::BlockX();
    const int head = device::BlockY();
    if (head < rope.head_count) {
      return rope.queries + (int64_t{row} * rope.head_count + head) * rope.head_dim;
    }
    int slot = rope.kv_slots[row];
    if (slot < 0 && arguments.fault == Fault::kPaddingWritten) slot = 0;
    if (slot < 0) return nullptr;
    const int kv_head = (head - rope.head_count) % rope.kv_head_count;
    return (head < rope.head_count + rope.kv_head_count ? rope.keys : rope.values) +
           KvElement(slot, kv_head, rope.kv_head_count, rope.head_dim);
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const RopeAppendArguments& rope = arguments.rope;
    uint16_t* const output = Output(arguments);
    if (output == nullptr) return;
    const int rotated_heads = arguments.fault == Fault::kKeysNotRotated
                                  ? rope.head_count
                                  : rope.head_count + rope.kv_head_count;
    const float* const angles =
        rope.rope_table + int64_t{rope.positions[device::BlockX()]} * rope.head_dim;
    for (int i = 2 * device::ThreadIndex(); i < rope.head_dim; i += 2 * kThreads) {
      const float a = Sum(arguments, i);
      const float b = Sum(arguments, i + 1);
      const bool is_rotated = device::BlockY() < rotated_heads;
      const float cosine = is_rotated ? angles[i] : 1;
      const float sine = is_rotated ? angles[i + 1] : 0;
      output[i] = device::FloatToBf16(device::Fma(a, cosine, device::Mul(b, -sine)));
      output[i + 1] = device::FloatToBf16(device::Fma(b, cosine, device::Mul(a, sine)));
    }
  }
};

absl::Status LaunchWith(StreamView stream, const RopeAppendArguments& arguments, LaunchOrder order,
                        Fault fault) {
  return Launch<Kernel>(stream, {{arguments.row_count, Kernel::HeadCount(arguments), 1}, 0, order},
                        {arguments, fault});
}

}  // namespace

absl::Status LaunchFaultlessRopeAppend(StreamView stream, const RopeAppendArguments& arguments,
                                       LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kNone);
}

absl::Status LaunchRopeAppendByRowCount(StreamView stream, const RopeAppendArguments& arguments,
                                        LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kSplitsByRowCount);
}

absl::Status LaunchRopeAppendWithPadding(StreamView stream, const RopeAppendArguments& arguments,
                                         LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kPaddingWritten);
}

absl::Status LaunchRopeAppendOfPlainKeys(StreamView stream, const RopeAppendArguments& arguments,
                                         LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kKeysNotRotated);
}

}  // namespace chimera::testing
