#include "common/cuda/backend/interleaved_rope_table.h"

#include "common/ops/rope.h"

namespace chimera {

std::vector<float> InterleavedRopeTable(int64_t position_count, int32_t head_dim, float base) {
  const RopeTable table(position_count, head_dim, base);
  std::vector<float> interleaved;
  interleaved.reserve(position_count * head_dim);
  for (int64_t position = 0; position < position_count; ++position) {
    for (int32_t i = 0; i < head_dim; i += 2) {
      interleaved.push_back(table.cosines(position)[i]);
      interleaved.push_back(table.signed_sines(position)[i + 1]);
    }
  }
  return interleaved;
}

}  // namespace chimera
