#include "common/base/check.h"
#include "common/cuda/kernels/fragment_gemm.h"
#include "common/cuda/kernels/fragment_gemm_kernel.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

// Token tiles, feature tiles, steps, ring, blocks, sums. Registers, by nvcc 13.0 for 9.0 (8.0), of
// 128 for two blocks of a multiprocessor and 255 for one:
//
//   Rows8 124 (120)  Rows16 121 (123)  Rows32 125 (128)  Rows64 126 (126)  Rows64Deep 176 (182)
//   Summed64 173 (170)  Summed128 255 (254)
//
// Rings are as deep as registers allow: two blocks have 128 KiB of weights on their way, with 64
// rows 64 KiB, where memory at full speed needs some 30 KiB per multiprocessor. Summed128 has 128
// accumulators a thread, the most there is room for: 256 features and 128 rows in a block read
// (256 + 128) * 32 bytes from the second-level cache for as many products as four blocks of 128 and
// 64 read 768 * 32 for, and that cache is what limits large products.
using Rows8 = FragmentGemmShape<1, 1, 16, 16, 2, false>;
using Rows16 = FragmentGemmShape<2, 1, 16, 16, 2, false>;
using Rows32 = FragmentGemmShape<4, 1, 16, 16, 2, false>;
using Rows64 = FragmentGemmShape<8, 1, 8, 8, 2, false>;
using Rows64Deep = FragmentGemmShape<8, 1, 16, 16, 1, false>;
using Summed64 = FragmentGemmShape<8, 1, 8, 16, 1, true>;
using Summed128 = FragmentGemmShape<16, 2, 4, 6, 1, true>;

constexpr int CeilDivide(int dividend, int divisor) { return (dividend + divisor - 1) / divisor; }

template <typename Shape>
absl::Status LaunchShaped(StreamView stream, const FragmentGemmArguments& gemm, LaunchOrder order) {
  using Kernel = FragmentGemmKernel<Shape>;
  static_assert(Kernel::SharedBytes(kMaxFragmentGemmSplits) <= kMaxSharedBytes);
  const bool fits =
      Shape::kSums ? gemm.row_count > kMaxFragmentPartialRows : gemm.row_count <= Kernel::kRows;
  CHIMERA_CHECK(fits) << gemm.row_count << " rows in tiles of " << Kernel::kRows;
  const int splits = FragmentGemmSplits(gemm.output_size, gemm.input_size);
  const int feature_blocks = CeilDivide(gemm.output_size, Kernel::kFeatures);
  const int row_blocks = CeilDivide(gemm.row_count, Kernel::kRows);
  const GridIndex blocks = Shape::kSums ? GridIndex{row_blocks, feature_blocks, 1}
                                        : GridIndex{feature_blocks, splits, 1};
  const auto shared_bytes = static_cast<size_t>(Kernel::SharedBytes(splits));
  return Launch<Kernel>(stream, {blocks, shared_bytes, order}, {gemm, splits});
}

}  // namespace

absl::Status LaunchFragmentGemm(StreamView stream, const FragmentGemmArguments& arguments,
                                LaunchOrder order) {
  const FragmentGemmTile tile =
      ChooseFragmentGemmTile(arguments.row_count, arguments.output_size, arguments.input_size);
  return LaunchFragmentGemmWithTile(stream, arguments, tile, order);
}

absl::Status LaunchFragmentGemmWithTile(StreamView stream, const FragmentGemmArguments& arguments,
                                        FragmentGemmTile tile, LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0);
  for (const int size : {arguments.output_size, arguments.input_size}) {
    CHIMERA_CHECK(size > 0 && size % kFragmentSize == 0)
        << "a layer [" << arguments.output_size << ", " << arguments.input_size << "]";
  }
  switch (tile) {
    case FragmentGemmTile::kRows8:
      return LaunchShaped<Rows8>(stream, arguments, order);
    case FragmentGemmTile::kRows16:
      return LaunchShaped<Rows16>(stream, arguments, order);
    case FragmentGemmTile::kRows32:
      return LaunchShaped<Rows32>(stream, arguments, order);
    case FragmentGemmTile::kRows64:
      return LaunchShaped<Rows64>(stream, arguments, order);
    case FragmentGemmTile::kRows64Deep:
      return LaunchShaped<Rows64Deep>(stream, arguments, order);
    case FragmentGemmTile::kSummed64:
      return LaunchShaped<Summed64>(stream, arguments, order);
    case FragmentGemmTile::kSummed128:
      break;
  }
  return LaunchShaped<Summed128>(stream, arguments, order);
}

}  // namespace chimera
