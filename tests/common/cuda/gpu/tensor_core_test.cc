// Whether the device computes as the model of it that all tests of kernels are made with: what
// comes first where there is a GPU.

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/strings/str_join.h"
#include "tests/common/cuda/gpu/tensor_core_check.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

struct FragmentClass {
  const char* name;
  FragmentGenerator generate;
};

void PrintTo(const FragmentClass& tested, std::ostream* out) { *out << tested.name; }

class GpuTensorCoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHIMERA_SKIP_WITHOUT_GPU();
    const cuda::DeviceInfo device = *cuda::GetDeviceInfo(0);
    model_ = PublishedModel(device);
    if (!model_.has_value()) {
      GTEST_SKIP() << "no model is published for compute capability "
                   << device.compute_capability_major << "." << device.compute_capability_minor
                   << ": it is NOT tested";
    }
  }

  static std::vector<TensorCoreFragments> Fragments(FragmentGenerator generate, int count) {
    std::mt19937 random(1);
    std::vector<TensorCoreFragments> fragments(count);
    for (TensorCoreFragments& one : fragments) one = generate(&random);
    return fragments;
  }

  std::optional<emulation::TensorCoreModel> model_;
};

class GpuTensorCoreClassTest : public GpuTensorCoreTest,
                               public ::testing::WithParamInterface<FragmentClass> {};

TEST_P(GpuTensorCoreClassTest, HasTheModelsBits) {
  const auto fragments = Fragments(GetParam().generate, DeviceIsEmulated() ? 40 : 2000);
  const TensorCoreMismatches mismatches = CompareTensorCores(*model_, fragments);
  EXPECT_EQ(mismatches.count, 0) << "of " << 128 * fragments.size() << " sums; some of them:\n"
                                 << absl::StrJoin(mismatches.examples, "\n");
}

INSTANTIATE_TEST_SUITE_P(Classes, GpuTensorCoreClassTest,
                         ::testing::Values(FragmentClass{"Ordinary", &OrdinaryFragments},
                                           FragmentClass{"Edge", &EdgeFragments},
                                           FragmentClass{"Cancelling", &CancellingFragments},
                                           FragmentClass{"Zero", &ZeroFragments},
                                           FragmentClass{"Subnormal", &SubnormalFragments},
                                           FragmentClass{"Overflowing", &OverflowingFragments},
                                           FragmentClass{"Finite", &FiniteFragments},
                                           FragmentClass{"Infinite", &InfiniteFragments},
                                           FragmentClass{"Nan", &NanFragments}),
                         [](const auto& tested) { return std::string(tested.param.name); });

// What comes of ordinary numbers tells the models apart, so that a device has one of them at most.
TEST_F(GpuTensorCoreTest, OtherModelsHaveOtherBits) {
  using emulation::TensorCoreModel;
  const auto fragments = Fragments(&EdgeFragments, 20);
  for (const TensorCoreModel model :
       {TensorCoreModel::kHopper, TensorCoreModel::kAmpere, TensorCoreModel::kSequential}) {
    if (model == *model_) continue;
    EXPECT_GT(CompareTensorCores(model, fragments).count, 100) << static_cast<int>(model);
  }
}

}  // namespace
}  // namespace chimera::testing
