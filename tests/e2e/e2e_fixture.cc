#include "tests/e2e/e2e_fixture.h"

#include <atomic>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/channel.h"
#include "drafter/ngram_draft_model.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {

std::string Answer(const ClientReply& reply) {
  return absl::StrCat("status ", reply.status.error_code(), " ", reply.status.error_message(),
                      "\nids ", absl::StrJoin(reply.token_ids, " "), "\ntext ", reply.text,
                      "\nfinish ", v1::FinishReason_Name(reply.complete.finish_reason()),
                      "\nusage ", reply.complete.usage().ShortDebugString(), "\nseed ",
                      reply.complete.seed());
}

int64_t VerifiedNodes(const ClientReply& reply, v1::CandidateSource source) {
  int64_t nodes = 0;
  for (const v1::SourceCount& count : reply.complete.speculation().candidates().by_source()) {
    if (count.source() == source) nodes += count.count().verified();
  }
  return nodes;
}

void E2eFixture::OpenModel(const std::string& path) {
  static auto* const models = new std::map<std::string, std::shared_ptr<const LlamaModel>>();
  std::shared_ptr<const LlamaModel>& model = (*models)[path];
  if (model == nullptr) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(model, LlamaModel::Open(path));
  }
  model_ = model;
}

Address E2eFixture::DrafterAddress() const {
  return {.unix_path = directory_.path() + "/drafter.sock"};
}

void E2eFixture::Connect(const std::string& address) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Address parsed, ParseDialAddress(address));
  stub_ = v1::GenerationService::NewStub(CreateChannel(parsed));
}

void E2eFixture::StartDrafter(std::unique_ptr<DraftModel> model) {
  drafter_.reset();
  DrafterConfig config;
  config.server.listen_addresses = {DrafterAddress()};
  if (model == nullptr) model = std::make_unique<NgramDraftModel>();
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      drafter_, DrafterServer::Start(config, MakeTargetInfo(*model_), std::move(model)));
}

VerifierConfig E2eFixture::MakeVerifierConfig(Drafters drafters) const {
  VerifierConfig config;
  config.listen_addresses = {{.unix_path = directory_.path() + "/verifier.sock"}};
  if (drafters == Drafters::kOne) config.drafter_addresses = {DrafterAddress()};
  config.thread_count = 1;  // other tests run beside this one
  config.kv_page_count = kMaxRunning * 32;
  config.engine.max_running_requests = kMaxRunning;
  config.engine.planning = NodePlanning::kVerifyAll;
  // A busy machine is no excuse for a reply without drafts.
  config.engine.draft.deadline = std::chrono::seconds(5);
  return config;
}

void E2eFixture::StartVerifier(const VerifierConfig& config) {
  stub_.reset();
  verifier_.reset();
  CHIMERA_ASSERT_OK_AND_ASSIGN(LoadedModel loaded, VerifierServer::Load(config, model_));
  CHIMERA_ASSERT_OK_AND_ASSIGN(verifier_, VerifierServer::Start(config, std::move(loaded)));
  Connect(config.listen_addresses.front().ToString());
}

v1::GetServerInfoResponse E2eFixture::ServerInfo() {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  v1::GetServerInfoResponse response;
  EXPECT_TRUE(stub_->GetServerInfo(&context, {}, &response).ok());
  return response;
}

bool E2eFixture::DrafterIsReady() {
  return Eventually([this] {
    const v1::GetServerInfoResponse info = ServerInfo();
    return info.drafters_size() == 1 && info.drafters(0).state() == v1::DRAFTER_STATE_READY;
  });
}

ClientReply E2eFixture::Generate(const v1::GenerateRequest& request) {
  ClientReply reply;
  grpc::ClientContext context;
  context.set_wait_for_ready(wait_for_ready_);
  const auto reader = stub_->Generate(&context, request);
  v1::GenerateResponse response;
  while (reader->Read(&response)) {
    reply.token_ids.insert(reply.token_ids.end(), response.chunk().token_ids().begin(),
                           response.chunk().token_ids().end());
    reply.text += response.chunk().text();
    if (response.has_complete()) reply.complete = response.complete();
  }
  reply.status = reader->Finish();
  return reply;
}

std::vector<ClientReply> E2eFixture::GenerateAll(const std::vector<v1::GenerateRequest>& requests,
                                                 int concurrency) {
  std::vector<ClientReply> replies(requests.size());
  std::atomic<size_t> next{0};
  std::vector<std::thread> clients;
  clients.reserve(concurrency);
  for (int i = 0; i < concurrency; ++i) {
    clients.emplace_back([&] {
      for (size_t index = next++; index < requests.size(); index = next++) {
        replies[index] = Generate(requests[index]);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  return replies;
}

}  // namespace chimera::testing
