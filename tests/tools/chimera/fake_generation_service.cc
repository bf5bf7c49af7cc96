#include "tests/tools/chimera/fake_generation_service.h"

#include <algorithm>
#include <utility>

namespace chimera::testing {

bool FakeCall::SendChunk(const std::vector<int32_t>& token_ids, const std::string& text) const {
  v1::GenerateResponse response;
  response.mutable_chunk()->mutable_token_ids()->Add(token_ids.begin(), token_ids.end());
  response.mutable_chunk()->set_text(text);
  return writer->Write(response);
}

void FakeCall::SendComplete(const v1::GenerateComplete& complete) const {
  v1::GenerateResponse response;
  *response.mutable_complete() = complete;
  writer->Write(response);
}

grpc::Status SayThreeWords(const FakeCall& call) {
  const v1::GenerateRequest& request = call.request;
  const bool plain = request.speculation().mode() == v1::SPECULATION_MODE_OFF;
  const std::string prompt =
      request.has_text() ? request.text() : request.messages().messages().rbegin()->content();
  call.SendChunk({1}, "You");
  if (plain) {
    call.SendChunk({2}, " said");
    call.SendChunk({3}, " " + prompt);
  } else {
    call.SendChunk({2, 3}, " said " + prompt);
  }
  v1::GenerateComplete complete;
  complete.set_finish_reason(v1::FINISH_REASON_STOP);
  complete.mutable_usage()->set_prompt_tokens(5);
  complete.mutable_usage()->set_completion_tokens(3);
  complete.mutable_usage()->set_total_tokens(8);
  complete.set_seed(request.sampling().has_seed() ? request.sampling().seed() : 77);
  complete.mutable_speculation()->set_steps(plain ? 2 : 1);
  complete.mutable_speculation()->set_draft_nodes(plain ? 0 : 4);
  complete.mutable_speculation()->set_accepted_draft_tokens(plain ? 0 : 1);
  call.SendComplete(complete);
  return grpc::Status::OK;
}

FakeGenerationService::FakeGenerationService() : script_(SayThreeWords) {
  info_.set_version("0.1.0");
  info_.set_max_running_requests(8);
  v1::DrafterInfo* drafter = info_.add_drafters();
  drafter->set_address("unix:/run/drafter.sock");
  drafter->set_state(v1::DRAFTER_STATE_READY);
  drafter->set_name("ngram");
}

void FakeGenerationService::SetScript(Script script) {
  const MutexLock lock(&mutex_);
  script_ = std::move(script);
}

void FakeGenerationService::SetServerInfo(const v1::GetServerInfoResponse& info) {
  const MutexLock lock(&mutex_);
  info_ = info;
}

std::vector<v1::GenerateRequest> FakeGenerationService::requests() const {
  const MutexLock lock(&mutex_);
  return requests_;
}

int FakeGenerationService::most_open_calls() const {
  const MutexLock lock(&mutex_);
  return most_open_calls_;
}

grpc::Status FakeGenerationService::Generate(grpc::ServerContext* context,
                                             const v1::GenerateRequest* request,
                                             grpc::ServerWriter<v1::GenerateResponse>* writer) {
  Script script;
  {
    const MutexLock lock(&mutex_);
    script = script_;
    requests_.push_back(*request);
    most_open_calls_ = std::max(most_open_calls_, ++open_calls_);
  }
  const grpc::Status status = script({*request, context, writer});
  const MutexLock lock(&mutex_);
  --open_calls_;
  return status;
}

grpc::Status FakeGenerationService::GetModelInfo(grpc::ServerContext*,
                                                 const v1::GetModelInfoRequest*,
                                                 v1::GetModelInfoResponse* response) {
  response->set_name("Fake-1B");
  response->set_numerics_id("fake-1");
  response->mutable_fingerprint()->set_identity("aa11");
  response->set_vocab_size(100);
  response->set_context_length(2048);
  return grpc::Status::OK;
}

grpc::Status FakeGenerationService::GetServerInfo(grpc::ServerContext*,
                                                  const v1::GetServerInfoRequest*,
                                                  v1::GetServerInfoResponse* response) {
  const MutexLock lock(&mutex_);
  *response = info_;
  return grpc::Status::OK;
}

}  // namespace chimera::testing
