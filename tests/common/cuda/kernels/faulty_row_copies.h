// Plainer kernels for embed_tokens.h, gather_rows.h and gather_hidden_states.h, with and without
// the faults that their tests must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ROW_COPIES_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ROW_COPIES_H_

#include <bit>

#include "common/cuda/kernels/embed_tokens.h"
#include "common/cuda/kernels/gather_hidden_states.h"
#include "common/cuda/kernels/gather_rows.h"
#include "tests/common/cuda/kernels/plain_row_kernel.h"

namespace chimera::testing {

enum class RowCopyFault {
  kNone,
  kManyRowsWrap,    // takes for the rows from kManyRows on what the first rows are copies of
  kNoRowIsRowZero,  // takes token -1, or row -1, for 0
  kFirstTap,        // writes where the first tap goes; of PlainGatherHiddenStates only
  kTruncated,       // cuts bits off instead of rounding; of PlainGatherHiddenStates only
};

// What all do: find the row that a row of the launch is copied from or to.
template <RowCopyFault kFault>
struct PlainRowCopy : PlainRowKernel {
  // The row of the launch whose operands the block takes.
  static int OperandRow() {
    return kFault == RowCopyFault::kManyRowsWrap ? Row() % kManyRows : Row();
  }

  // -1 where there is none.
  static int64_t Named(const int32_t* names, int row) {
    return names[row] < 0 && kFault == RowCopyFault::kNoRowIsRowZero ? 0 : names[row];
  }
};

template <RowCopyFault kFault>
struct PlainEmbedTokens : PlainRowCopy<kFault> {
  using Arguments = EmbedTokensArguments;
  using Base = PlainRowCopy<kFault>;

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int64_t token = Base::Named(arguments.tokens, Base::OperandRow());
    for (int i = device::ThreadIndex(); i < arguments.size; i += Base::kThreads) {
      arguments.residual[int64_t{Base::Row()} * arguments.size + i] =
          token < 0 ? 0.0f : device::Bf16ToFloat(arguments.table[token * arguments.size + i]);
    }
  }
};

template <RowCopyFault kFault>
struct PlainGatherRows : PlainRowCopy<kFault> {
  using Arguments = GatherRowsArguments;
  using Base = PlainRowCopy<kFault>;

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int64_t index = Base::Named(arguments.indices, Base::OperandRow());
    for (int i = device::ThreadIndex(); i < arguments.size; i += Base::kThreads) {
      arguments.output[int64_t{Base::Row()} * arguments.size + i] =
          index < 0 ? uint16_t{0} : arguments.input[index * arguments.size + i];
    }
  }
};

template <RowCopyFault kFault>
struct PlainGatherHiddenStates : PlainRowCopy<kFault> {
  using Arguments = GatherHiddenStatesArguments;
  using Base = PlainRowCopy<kFault>;

  static uint16_t ToBf16(float x) {
    if (kFault != RowCopyFault::kTruncated) return device::FloatToBf16(x);
    return static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16);
  }

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int64_t output_row = Base::Named(arguments.output_rows, Base::Row());
    if (output_row < 0) return;
    const int tap = kFault == RowCopyFault::kFirstTap ? 0 : arguments.tap;
    const int64_t to = (output_row * arguments.tap_count + tap) * arguments.size;
    const int64_t from = int64_t{Base::OperandRow()} * arguments.size;
    for (int i = device::ThreadIndex(); i < arguments.size; i += Base::kThreads) {
      arguments.output[to + i] = ToBf16(arguments.residual[from + i]);
    }
  }
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ROW_COPIES_H_
