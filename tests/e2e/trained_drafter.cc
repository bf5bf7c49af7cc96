#include "tests/e2e/trained_drafter.h"

#include <gtest/gtest.h>

#include <utility>

#include "common/base/thread_pool.h"
#include "common/model/default_model_path.h"
#include "drafter/draft_model_factory.h"
#include "tests/testing/default_model.h"

namespace chimera::testing {

std::unique_ptr<DraftModel> MakeTrainedDrafter(std::shared_ptr<const LlamaModel> target) {
  const absl::StatusOr<DraftModelChoice> found = ParseDraftModel("auto", DefaultModelPath());
  if (!found.ok() || found->path.empty()) {
    EXPECT_TRUE(IsOtherModel()) << "scripts/setup puts a drafter beside the model";
    return nullptr;
  }
  DrafterConfig config;
  config.draft_model.path = found->path;
  absl::StatusOr<std::unique_ptr<DraftModel>> model =
      MakeDraftModel(config, std::move(target), std::make_shared<ThreadPool>(1));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

}  // namespace chimera::testing
