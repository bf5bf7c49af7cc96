// A plainer kernel for window_attention.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_WINDOW_ATTENTION_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_WINDOW_ATTENTION_H_

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/window_attention.h"
#include "tests/common/cuda/kernels/plain_row_kernel.h"

namespace chimera::testing {

enum class WindowAttentionFault {
  kNone,
  kByRowCount,            // adds up from the last to the first where there are many rows
  kRingFromItsBeginning,  // takes the ring's first page for the window's
  kNewestPositionUnseen,  // leaves the window's last position out
  kSiblingVisible,        // sees the node beside the last of its path, too
};

template <WindowAttentionFault kFault>
struct PlainWindowAttention : PlainRowKernel {
  using Arguments = WindowAttentionArguments;

  // A key and its value, of one kv head.
  struct Operand {
    const uint16_t* key;
    const uint16_t* value;
  };

  // What the block's row attends to, in order.
  static std::vector<Operand> Operands(const Arguments& arguments, int kv_head) {
    const WindowAttentionRow& row = arguments.rows[Row()];
    const auto offset = [&](int slot) {
      return KvElement(slot, kv_head, arguments.kv_head_count, arguments.head_dim);
    };
    std::vector<Operand> operands;
    const int first_page =
        kFault == WindowAttentionFault::kRingFromItsBeginning ? 0 : row.first_page;
    const int unseen = kFault == WindowAttentionFault::kNewestPositionUnseen ? 1 : 0;
    for (int i = 0; i < row.window_count - unseen; ++i) {
      const int page = row.ring_begin + (first_page + i / kPageSlots) % arguments.ring_pages;
      const int64_t at = offset(page * kPageSlots + i % kPageSlots);
      operands.push_back({arguments.keys + at, arguments.values + at});
    }
    std::vector<int> nodes(row.path, row.path + row.path_count);
    if (kFault == WindowAttentionFault::kSiblingVisible && !nodes.empty()) {
      nodes.push_back(nodes.back() ^ 1);
    }
    for (const int node : nodes) {
      operands.push_back(
          {arguments.node_keys + offset(node), arguments.node_values + offset(node)});
    }
    if (kFault == WindowAttentionFault::kByRowCount && arguments.row_count >= kManyRows) {
      std::ranges::reverse(operands);
    }
    return operands;
  }

  // One thread per query head: it must be caught for what it computes. Of small scores.
  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int head_dim = arguments.head_dim;
    const int group = arguments.head_count / arguments.kv_head_count;
    for (int head = device::ThreadIndex(); head < arguments.head_count; head += kThreads) {
      const int64_t first = (int64_t{Row()} * arguments.head_count + head) * head_dim;
      const std::vector<Operand> operands = Operands(arguments, head / group);
      std::vector<float> scores;
      for (const Operand& operand : operands) {
        float product = 0;
        for (int i = 0; i < head_dim; ++i) {
          product = device::Fma(device::Bf16ToFloat(arguments.queries[first + i]),
                                device::Bf16ToFloat(operand.key[i]), product);
        }
        scores.push_back(product / std::sqrt(static_cast<float>(head_dim)));
      }
      std::vector<float> sums(head_dim, 0.0f);
      float total = 0;
      for (size_t j = 0; j < operands.size(); ++j) {
        const float weight = std::exp(scores[j]);
        total = device::Add(total, weight);
        for (int i = 0; i < head_dim; ++i) {
          sums[i] = device::Fma(weight, device::Bf16ToFloat(operands[j].value[i]), sums[i]);
        }
      }
      for (int i = 0; i < head_dim; ++i) {
        arguments.output[first + i] = device::FloatToBf16(total > 0 ? sums[i] / total : 0.0f);
      }
    }
  }
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_WINDOW_ATTENTION_H_
