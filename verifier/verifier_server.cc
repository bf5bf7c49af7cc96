#include "verifier/verifier_server.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backend/backend_factory.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/model/target_info.h"
#include "common/rpc/channel.h"

namespace chimera {
namespace {

VerifierMetricsConfig MetricsConfig(const std::vector<ExtraDrafter>& drafters,
                                    const LlamaModel& model, const Backend& backend) {
  VerifierMetricsConfig metrics;
  metrics.model_name = model.name();
  metrics.model_identity = model.fingerprint().identity;
  metrics.model_weights = model.fingerprint().weights;
  metrics.numerics_id = backend.numerics_id();
  metrics.kv_block_size = absl::StrCat(kPagePositions);
  metrics.kv_block_count = absl::StrCat(backend.limits().page_count);
  for (const ExtraDrafter& drafter : drafters) metrics.drafters.push_back(drafter.name);
  metrics.context_length = model.config().context_length;
  return metrics;
}

std::vector<ExtraDrafter> ConfiguredDrafters(const VerifierConfig& config) {
  std::vector<ExtraDrafter> drafters;
  for (const Address& address : config.drafter_addresses) {
    drafters.push_back({address.ToString(), [address] { return CreateChannel(address); }});
  }
  return drafters;
}

// For seeds and ids of requests that bring none; any thread. Drawn from the system every time: who
// sees some of these words must not be able to guess others, because an id lets its holder abort.
uint64_t RandomWord() {
  thread_local std::random_device system;
  const uint64_t high = system();
  return high << 32 | system();
}

}  // namespace

absl::StatusOr<std::unique_ptr<VerifierServer>> VerifierServer::Start(
    const VerifierConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(LoadedModel loaded, Load(config));
  return Start(config, std::move(loaded));
}

absl::StatusOr<LoadedModel> VerifierServer::Load(const VerifierConfig& config) {
  const auto start = std::chrono::steady_clock::now();
  CHIMERA_ASSIGN_OR_RETURN(std::shared_ptr<const LlamaModel> model,
                           LlamaModel::Open(config.model_path));
  CHIMERA_ASSIGN_OR_RETURN(LoadedModel loaded, Load(config, std::move(model)));
  loaded.load_time = std::chrono::steady_clock::now() - start;
  return loaded;
}

absl::StatusOr<LoadedModel> VerifierServer::Load(const VerifierConfig& config,
                                                 std::shared_ptr<const LlamaModel> model,
                                                 std::shared_ptr<ThreadPool> threads) {
  if (threads == nullptr) {
    CHIMERA_ASSIGN_OR_RETURN(threads, ThreadPool::Create(config.thread_count));
  }
  BackendOptions options;
  options.device = config.device;
  options.numerics = config.numerics;
  options.threads = std::move(threads);
  options.limits.page_count = config.kv_page_count;
  options.most_pages =
      config.engine.max_running_requests * PagesForPositions(model->config().context_length);
  options.limits.slot_count = config.engine.max_running_requests;
  options.limits.max_step_rows =
      config.engine.prefill_chunk + config.engine.max_running_requests * TokenTree::kMaxNodes;
  LoadedModel loaded;
  CHIMERA_ASSIGN_OR_RETURN(loaded.backend, CreateBackend(*model, options));
  loaded.model = std::move(model);
  loaded.threads = std::move(options.threads);
  return loaded;
}

absl::StatusOr<std::unique_ptr<VerifierServer>> VerifierServer::Start(
    const VerifierConfig& config, LoadedModel loaded, std::vector<ExtraDrafter> extra_drafters) {
  std::vector<ExtraDrafter> drafters = ConfiguredDrafters(config);
  std::ranges::move(extra_drafters, std::back_inserter(drafters));
  std::unique_ptr<VerifierServer> server(new VerifierServer(config, std::move(loaded), drafters));
  Collectables registries = {server->registry_};
  for (const ExtraDrafter& drafter : drafters) {
    if (drafter.metrics != nullptr) registries.push_back(drafter.metrics);
  }
  CHIMERA_ASSIGN_OR_RETURN(server->exposer_,
                           ServeMetrics(config.metrics_address, std::move(registries)));
  server->AddLinks(drafters);
  CHIMERA_RETURN_IF_ERROR(server->StartEngine());
  CHIMERA_RETURN_IF_ERROR(server->StartService());
  return server;
}

VerifierServer::VerifierServer(const VerifierConfig& config, LoadedModel loaded,
                               const std::vector<ExtraDrafter>& drafters)
    : config_(config),
      model_(std::move(loaded.model)),
      backend_(std::move(loaded.backend)),
      metrics_(registry_.get(), MetricsConfig(drafters, *model_, *backend_)) {
  metrics_.model_load_seconds.Set(loaded.load_time.count());
}

void VerifierServer::AddLinks(const std::vector<ExtraDrafter>& drafters) {
  for (const ExtraDrafter& drafter : drafters) {
    DrafterLinkConfig link;
    link.address = drafter.name;
    link.target = MakeTargetInfo(*model_);
    link.other_weights = config_.other_weights;
    links_.push_back(
        std::make_unique<DrafterLink>(link, drafter.make_channel, metrics_.links[links_.size()]));
  }
}

absl::Status VerifierServer::StartEngine() {
  CHIMERA_ASSIGN_OR_RETURN(tokenizer_, Tokenizer::Create(model_->vocabulary()));
  absl::StatusOr<ChatTemplate> chat_template =
      ChatTemplate::Create(model_->vocabulary().chat_template);
  if (chat_template.ok()) {
    chat_template_ = std::make_unique<ChatTemplate>(*std::move(chat_template));
  } else {
    LogWarning("chat messages cannot be served reason={}", chat_template.status().ToString());
  }
  EngineParts parts{backend_.get(), tokenizer_.get(), {}, &clock_, &metrics_};
  parts.on_device_lost = [this](const absl::Status& reason) { DeviceLost(reason); };
  for (const auto& link : links_) parts.draft_sources.push_back(link.get());
  CHIMERA_ASSIGN_OR_RETURN(engine_, Engine::Create(parts, config_.engine));
  LogInfo("engine ready model={} numerics_id={} pages={} threads={} drafters={}", model_->name(),
          backend_->numerics_id(), backend_->limits().page_count, config_.thread_count,
          links_.size());
  return absl::OkStatus();
}

absl::Status VerifierServer::StartService() {
  reader_ = std::make_unique<RequestReader>(tokenizer_.get(), chat_template_.get(),
                                            engine_->context_limit());
  GenerationServiceParts parts;
  parts.model = model_.get();
  parts.backend = backend_.get();
  parts.engine = engine_.get();
  parts.reader = reader_.get();
  for (const auto& link : links_) parts.draft_sources.push_back(link.get());
  parts.metrics = &metrics_;
  parts.clock = &clock_;
  parts.random = RandomWord;
  service_ = std::make_unique<GenerationService>(std::move(parts));
  ServerConfig server;
  server.listen_addresses = config_.listen_addresses;
  server.reflection = config_.reflection;
  runner_ = std::make_unique<ServerRunner>(std::move(server));
  runner_->AddService(service_.get(), v1::GenerationService::service_full_name());
  CHIMERA_RETURN_IF_ERROR(runner_->Start());
  MutexLock lock(&health_mutex_);
  serves_ = true;
  if (device_lost_) runner_->SetBroken();
  metrics_.service.ready.Set(device_lost_ ? 0 : 1);
  return absl::OkStatus();
}

void VerifierServer::DeviceLost(const absl::Status& reason) {
  LogError("device lost, restart the process reason={}", reason.ToString());
  MutexLock lock(&health_mutex_);
  device_lost_ = true;
  if (!serves_) return;
  metrics_.service.ready.Set(0);
  runner_->SetBroken();
}

// The members go in reverse order: the runner cancels its calls first, the engine ends before the
// links and the backend that it uses.
VerifierServer::~VerifierServer() {
  // The engine may still lose its device, when the runner is gone.
  MutexLock lock(&health_mutex_);
  serves_ = false;
}

absl::Status VerifierServer::Drain() {
  service_->SetDraining();
  metrics_.service.ready.Set(0);
  metrics_.service.draining.Set(1);
  const auto finish_calls = [this](ServerRunner::Deadline deadline) {
    engine_->Drain(deadline);
    service_->WaitForClients(deadline);
  };
  return runner_->Drain(finish_calls, config_.shutdown_timeout);
}

}  // namespace chimera
