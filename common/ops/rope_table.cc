#include "common/base/check.h"
#include "common/base/deterministic_math.h"
#include "common/ops/rope.h"

namespace chimera {

RopeTable::RopeTable(int64_t position_count, int32_t head_dim, float base)
    : head_dim_(head_dim),
      cosines_(position_count * head_dim),
      signed_sines_(position_count * head_dim) {
  CHIMERA_CHECK(head_dim > 0 && head_dim % 2 == 0) << "head_dim " << head_dim;
  for (int32_t element = 0; element < head_dim; element += 2) {
    const double frequency = Pow(base, -static_cast<double>(element) / head_dim);
    for (int64_t position = 0; position < position_count; ++position) {
      double sine, cosine;
      SinCos(static_cast<double>(position) * frequency, &sine, &cosine);
      const int64_t at = position * head_dim + element;
      cosines_[at] = cosines_[at + 1] = static_cast<float>(cosine);
      signed_sines_[at] = -static_cast<float>(sine);
      signed_sines_[at + 1] = static_cast<float>(sine);
    }
  }
}

}  // namespace chimera
