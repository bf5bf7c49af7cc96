#include "common/cuda/kernels/tree_attention_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/float16.h"
#include "common/cuda/kernels/kv_layout.h"

namespace chimera {
namespace {

void AttendHead(const TreeAttentionArguments& arguments, std::span<const int> kv_slots, int64_t row,
                int head, double* output) {
  const int head_dim = arguments.head_dim;
  const int kv_head = head / (arguments.head_count / arguments.kv_head_count);
  const uint16_t* query = arguments.queries + (row * arguments.head_count + head) * head_dim;
  const auto vector_of = [&](const uint16_t* pool, int slot) {
    return pool + KvElement(slot, kv_head, arguments.kv_head_count, head_dim);
  };
  std::vector<double> scores;
  double maximum = -std::numeric_limits<double>::infinity();
  for (const int slot : kv_slots) {
    const uint16_t* key = vector_of(arguments.keys, slot);
    double dot = 0;
    for (int i = 0; i < head_dim; ++i) dot += double{Bf16ToFloat(query[i])} * Bf16ToFloat(key[i]);
    scores.push_back(dot / std::sqrt(head_dim));
    maximum = std::max(maximum, scores.back());
  }
  double total = 0;
  for (size_t i = 0; i < kv_slots.size(); ++i) {
    const double weight = std::exp(scores[i] - maximum);
    const uint16_t* value = vector_of(arguments.values, kv_slots[i]);
    total += weight;
    for (int j = 0; j < head_dim; ++j) output[j] += weight * Bf16ToFloat(value[j]);
  }
  for (int j = 0; j < head_dim; ++j) output[j] /= total;
}

}  // namespace

std::vector<int> VisibleKvSlots(const AttentionSequence& sequence, int row) {
  const bool is_chunk = sequence.tree == nullptr;
  std::vector<int> slots;
  for (int position = 0; position < sequence.context_length + (is_chunk ? row + 1 : 0);
       ++position) {
    slots.push_back(sequence.pages[position / kPageSlots] * kPageSlots + position % kPageSlots);
  }
  for (int node = 0; !is_chunk && node <= row; ++node) {
    if ((sequence.tree->ancestors(row) >> node & 1) != 0) {
      slots.push_back(sequence.scratch_page * kPageSlots + node);
    }
  }
  return slots;
}

std::vector<double> TreeAttentionReference(const TreeAttentionArguments& arguments,
                                           std::span<const AttentionSequence> sequences, int rows) {
  std::vector<double> output(int64_t{rows} * arguments.head_count * arguments.head_dim);
  for (const AttentionSequence& sequence : sequences) {
    for (int i = 0; i < sequence.row_count; ++i) {
      const std::vector<int> slots = VisibleKvSlots(sequence, i);
      const int64_t row = sequence.first_row + i;
      for (int head = 0; head < arguments.head_count; ++head) {
        const int64_t first = (row * arguments.head_count + head) * arguments.head_dim;
        AttendHead(arguments, slots, row, head, output.data() + first);
      }
    }
  }
  return output;
}

}  // namespace chimera
