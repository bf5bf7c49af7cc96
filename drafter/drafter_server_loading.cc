// Apart from the rest of the server, because it knows the devices.

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"
#include "drafter/draft_model_factory.h"
#include "drafter/drafter_server.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<DrafterServer>> DrafterServer::Start(const DrafterConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(const std::shared_ptr<const LlamaModel> target,
                           LlamaModel::Open(config.model_path));
  CHIMERA_ASSIGN_OR_RETURN(std::shared_ptr<ThreadPool> threads,
                           ThreadPool::Create(config.thread_count));
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<DraftModel> model,
                           MakeDraftModel(config, target, std::move(threads)));
  return Start(config, MakeTargetInfo(*target), std::move(model));
}

}  // namespace chimera
