// Whether the device computes as the model of it that all tests of kernels are made with: what
// comes first where there is a GPU.

#include <gtest/gtest.h>

#include "tests/common/cuda/gpu/tensor_core_check.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

using Generator = TensorCoreFragments (*)(std::mt19937*);

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

  void ExpectModel(Generator generate) {
    std::mt19937 random(1);
    std::vector<TensorCoreFragments> fragments(DeviceIsEmulated() ? 100 : 4000);
    for (TensorCoreFragments& one : fragments) one = generate(&random);
    const TensorCoreMismatches mismatches = CompareTensorCores(*model_, fragments);
    EXPECT_EQ(mismatches.count, 0)
        << "of " << 128 * fragments.size() << " sums; one of them, " << mismatches.first;
  }

  std::optional<emulation::TensorCoreModel> model_;
};

TEST_F(GpuTensorCoreTest, RandomFragmentsHaveTheModelsBits) { ExpectModel(&RandomFragments); }

TEST_F(GpuTensorCoreTest, AdversarialFragmentsHaveTheModelsBits) {
  ExpectModel(&AdversarialFragments);
}

// What comes of them tells the models apart, so that a device has one of them at most.
TEST_F(GpuTensorCoreTest, OtherModelsHaveOtherBits) {
  using emulation::TensorCoreModel;
  std::mt19937 random(2);
  std::vector<TensorCoreFragments> fragments(20);
  for (TensorCoreFragments& one : fragments) one = AdversarialFragments(&random);
  for (const TensorCoreModel model :
       {TensorCoreModel::kHopper, TensorCoreModel::kAmpere, TensorCoreModel::kSequential}) {
    if (model == *model_) continue;
    EXPECT_GT(CompareTensorCores(model, fragments).count, 100) << static_cast<int>(model);
  }
}

}  // namespace
}  // namespace chimera::testing
