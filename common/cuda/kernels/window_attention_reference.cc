#include "common/cuda/kernels/window_attention_reference.h"

#include <cmath>

#include "common/base/float16.h"
#include "common/cuda/kernels/kv_layout.h"

namespace chimera {
namespace {

// Heads of keys and values that a query attends to.
struct Visible {
  std::vector<const uint16_t*> keys;
  std::vector<const uint16_t*> values;
};

Visible VisibleTo(const WindowAttentionArguments& arguments, const WindowAttentionRow& row,
                  int kv_head) {
  Visible visible;
  const auto add = [&](const uint16_t* keys, const uint16_t* values, int slot) {
    const int64_t begin = KvElement(slot, kv_head, arguments.kv_head_count, arguments.head_dim);
    visible.keys.push_back(keys + begin);
    visible.values.push_back(values + begin);
  };
  for (int i = 0; i < row.window_count; ++i) {
    const int page = row.ring_begin + (row.first_page + i / kPageSlots) % arguments.ring_pages;
    add(arguments.keys, arguments.values, page * kPageSlots + i % kPageSlots);
  }
  for (int i = 0; i < row.path_count; ++i) {
    add(arguments.node_keys, arguments.node_values, row.path[i]);
  }
  return visible;
}

}  // namespace

std::vector<double> WindowAttentionReference(const WindowAttentionArguments& arguments) {
  const int head_dim = arguments.head_dim;
  std::vector<double> output;
  for (int query = 0; query < arguments.row_count * arguments.head_count; ++query) {
    const int head = query % arguments.head_count;
    const Visible visible = VisibleTo(arguments, arguments.rows[query / arguments.head_count],
                                      head / (arguments.head_count / arguments.kv_head_count));
    double total = 0;
    std::vector<double> sums(head_dim, 0.0);
    for (size_t i = 0; i < visible.keys.size(); ++i) {
      double product = 0;
      for (int d = 0; d < head_dim; ++d) {
        product += double{Bf16ToFloat(arguments.queries[int64_t{query} * head_dim + d])} *
                   Bf16ToFloat(visible.keys[i][d]);
      }
      const double weight = std::exp(product / std::sqrt(head_dim));
      total += weight;
      for (int d = 0; d < head_dim; ++d) sums[d] += weight * Bf16ToFloat(visible.values[i][d]);
    }
    for (const double sum : sums) output.push_back(visible.keys.empty() ? 0.0 : sum / total);
  }
  return output;
}

}  // namespace chimera
