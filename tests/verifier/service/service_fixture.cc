#include "tests/verifier/service/service_fixture.h"

#include <grpc/grpc.h>

#include <utility>

#include "common/rpc/channel.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

std::shared_ptr<const LlamaModel> OpenTinyModel(int32_t context_length) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/tiny.gguf";
  TinyLlamaOptions options;
  options.context_length = context_length;
  WriteTinyLlama(path, options);
  return LlamaModel::Open(path).value();
}

}  // namespace

ServiceFixture::ServiceFixture() {
  // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
  static const bool initialized = (grpc_init(), true);
  static_cast<void>(initialized);
  static const auto* const model =
      new std::shared_ptr<const LlamaModel>(OpenTinyModel(kContextLength));
  model_ = *model;
}

ServiceFixture::~ServiceFixture() { gate_.Open(); }

Address ServiceFixture::SocketAddress(const std::string& name) const {
  Address address;
  address.unix_path = directory_.path() + "/" + name;
  return address;
}

VerifierConfig ServiceFixture::Config() const {
  VerifierConfig config;
  config.listen_addresses = {SocketAddress("verifier")};
  config.thread_count = 1;
  config.kv_page_count = kMaxRunning * kPagesPerRequest;
  config.engine.max_running_requests = kMaxRunning;
  config.engine.prefill_chunk = 64;
  config.engine.planning = NodePlanning::kVerifyAll;
  config.engine.draft.deadline = std::chrono::seconds(5);
  return config;
}

void ServiceFixture::Start(const VerifierConfig& config) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(LoadedModel loaded, VerifierServer::Load(config, model_));
  loaded.backend = std::make_unique<GatedBackend>(std::move(loaded.backend), &gate_);
  CHIMERA_ASSERT_OK_AND_ASSIGN(verifier_, VerifierServer::Start(config, std::move(loaded)));
  stub_ = v1::GenerationService::NewStub(CreateChannel(verifier_->addresses().front()));
}

v1::GetServerInfoResponse ServiceFixture::ServerInfo() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  v1::GetServerInfoResponse response;
  const grpc::Status status = stub_->GetServerInfo(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

bool ServiceFixture::WaitForLoad(int32_t running, int32_t waiting) {
  return Eventually([&] {
    const v1::GetServerInfoResponse info = ServerInfo();
    return info.running_requests() == running && info.waiting_requests() == waiting;
  });
}

void ServiceFixture::ExpectIdle() {
  EXPECT_TRUE(WaitForLoad(0, 0));
  const v1::GetServerInfoResponse info = ServerInfo();
  EXPECT_EQ(info.free_kv_page_count(), info.kv_page_count());
}

Reply ServiceFixture::Generate(const v1::GenerateRequest& request) {
  return GenerateCall(stub_.get(), request).Finish();
}

std::vector<int32_t> ServiceFixture::Tokenize(const std::string& text) {
  v1::TokenizeRequest request;
  request.set_text(text);
  grpc::ClientContext context;
  v1::TokenizeResponse response;
  EXPECT_TRUE(stub_->Tokenize(&context, request, &response).ok());
  return {response.token_ids().begin(), response.token_ids().end()};
}

absl::Status ServiceFixture::Abort(const std::string& request_id) {
  v1::AbortRequest request;
  request.set_request_id(request_id);
  grpc::ClientContext context;
  v1::AbortResponse response;
  return FromGrpcStatus(stub_->Abort(&context, request, &response), context);
}

v1::GenerateRequest TextRequest(const std::string& text, int32_t max_tokens) {
  v1::GenerateRequest request;
  request.set_text(text);
  request.mutable_stop()->set_max_tokens(max_tokens);
  request.mutable_stop()->set_ignore_eos(true);
  return request;
}

}  // namespace chimera::testing
