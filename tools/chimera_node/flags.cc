#include "tools/chimera_node/flags.h"

#include <string>

#include "absl/flags/flag.h"
#include "common/base/status_macros.h"
#include "drafter/draft_model_factory.h"
#include "drafter/tree_shape.h"
#include "verifier/flags.h"

ABSL_FLAG(std::string, draft_model, "auto", chimera::kDraftModelHelp);
ABSL_FLAG(std::string, tree_shape, "", chimera::kTreeShapeHelp);

namespace chimera {
namespace {

constexpr char kUsage[] =
    "Hosts a target model together with a drafter for it, and serves chimera.v1.GenerationService. "
    "Takes the flags of chimera-verifier, of which --device is for both, --draft_model and "
    "--tree_shape.";

}  // namespace

absl::StatusOr<NodeConfig> ParseNodeFlags(int argc, char** argv) {
  NodeConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.verifier, ParseVerifierFlags(kUsage, argc, argv));
  CHIMERA_ASSIGN_OR_RETURN(config.draft_model, ParseDraftModel(absl::GetFlag(FLAGS_draft_model),
                                                               config.verifier.model_path));
  CHIMERA_ASSIGN_OR_RETURN(config.tree_shape, ParseTreeShape(absl::GetFlag(FLAGS_tree_shape)));
  config.log_level = config.verifier.log_level;
  return config;
}

}  // namespace chimera
