#include "tests/e2e/cuda_fixture.h"

#include <grpc/grpc.h>

#include <future>
#include <memory>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cuda/backend/cuda_backend.h"
#include "tests/testing/eventually.h"
#include "tests/testing/gpu.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {

CudaFixture::CudaFixture() {
  // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
  static const bool initialized = (grpc_init(), true);
  static_cast<void>(initialized);
}

void CudaFixture::SetUp() {
  CHIMERA_SKIP_WITHOUT_GPU();
  const std::string path = directory_.path() + "/tiny.gguf";
  WriteTinyLlama(path, {.query_heads = 4,
                        .kv_heads = 2,
                        .head_dim = 64,
                        .vocab_size = 512,
                        .context_length = kContextLength,
                        .seed = 3});
  OpenModel(path);
}

VerifierConfig CudaFixture::MakeCudaConfig(Drafters drafters) const {
  VerifierConfig config = MakeVerifierConfig(drafters);
  config.engine.max_running_requests = kMaxRunningOnCuda;
  config.engine.prefill_chunk = 24;
  config.kv_page_count = kMaxRunningOnCuda * kContextLength / kPagePositions;
  return config;
}

absl::StatusOr<LoadedModel> CudaFixture::LoadOnCuda(const VerifierConfig& config) const {
  const auto threads = std::make_shared<ThreadPool>(1);
  const int32_t slots = config.engine.max_running_requests;
  CHIMERA_ASSIGN_OR_RETURN(
      std::unique_ptr<Backend> backend,
      CudaBackend::Create(model_->config(), model_->weights(),
                          {.numerics = config.numerics,
                           .threads = threads,
                           .limits = {.page_count = config.kv_page_count,
                                      .slot_count = slots,
                                      .max_step_rows = config.engine.prefill_chunk +
                                                       slots * TokenTree::kMaxNodes}}));
  return LoadedModel{.model = model_, .threads = threads, .backend = std::move(backend)};
}

void CudaFixture::StartCudaVerifier(const VerifierConfig& config, BackendFault fault) {
  stub_.reset();
  verifier_.reset();
  absl::StatusOr<LoadedModel> loaded = LoadOnCuda(config);
  CHIMERA_CHECK(loaded.ok()) << loaded.status();
  loaded->backend = std::make_unique<FaultyBackend>(std::move(loaded->backend), fault);
  loaded->backend = std::make_unique<GatedBackend>(std::move(loaded->backend), &gate_);
  CHIMERA_ASSERT_OK_AND_ASSIGN(verifier_, VerifierServer::Start(config, *std::move(loaded)));
  Connect(config.listen_addresses.front().ToString());
}

std::vector<ClientReply> CudaFixture::GenerateTogether(
    const VerifierConfig& config, BackendFault fault,
    const std::vector<v1::GenerateRequest>& requests) {
  gate_.Close();
  StartCudaVerifier(config, fault);
  EXPECT_TRUE(DrafterIsReady());
  const int count = static_cast<int>(requests.size());
  auto replies = std::async(std::launch::async, [&] { return GenerateAll(requests, count); });
  EXPECT_TRUE(Eventually([&] {
    const v1::GetServerInfoResponse info = ServerInfo();
    return info.running_requests() + info.waiting_requests() == count;
  }));
  gate_.Open();
  return replies.get();
}

v1::GenerateRequest CudaFixture::MakeRequest(const std::vector<int32_t>& prompt,
                                             int32_t max_tokens) {
  v1::GenerateRequest request;
  request.mutable_token_ids()->mutable_ids()->Add(prompt.begin(), prompt.end());
  request.mutable_stop()->set_max_tokens(max_tokens);
  request.mutable_stop()->set_ignore_eos(true);
  request.mutable_sampling()->set_seed(7);  // else each reply names one of its own
  return request;
}

}  // namespace chimera::testing
