#include "verifier/service/generation_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/version.h"
#include "common/rpc/proto_conversion.h"
#include "common/tokenizer/utf8.h"
#include "verifier/service/error_reasons.h"
#include "verifier/service/generate_reactor.h"
#include "verifier/service/speculation_messages.h"

namespace chimera {
namespace {

grpc::ServerUnaryReactor* FinishUnary(grpc::CallbackServerContext* context,
                                      const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(WithReason(status), context));
  return reactor;
}

// What a drafter says of itself may be any bytes, but a client refuses a message whose text is not
// UTF-8.
std::string ToUtf8(absl::string_view text) {
  std::string valid;
  if (!AppendValidUtf8(text, &valid).empty()) absl::StrAppend(&valid, kUtf8Replacement);
  return valid;
}

v1::DrafterState ToProto(DraftSourceStatus::State state) {
  switch (state) {
    case DraftSourceStatus::State::kDisconnected:
      return v1::DRAFTER_STATE_DISCONNECTED;
    case DraftSourceStatus::State::kConnecting:
      return v1::DRAFTER_STATE_CONNECTING;
    case DraftSourceStatus::State::kReady:
      return v1::DRAFTER_STATE_READY;
    case DraftSourceStatus::State::kRefused:
      return v1::DRAFTER_STATE_REFUSED;
  }
  return v1::DRAFTER_STATE_UNSPECIFIED;
}

void ToProto(const DraftSourceStatus& status, v1::DrafterInfo* info) {
  info->set_address(status.address);
  info->set_state(ToProto(status.state));
  info->set_name(ToUtf8(status.name));
  info->set_detail(ToUtf8(status.detail));
  info->set_other_weights(status.other_weights);
  info->set_connects(status.connects);
  info->set_drafts_used(status.drafts_used);
  info->set_drafts_discarded(status.drafts_discarded);
}

}  // namespace

grpc::ServerWriteReactor<v1::GenerateResponse>* GenerationService::Generate(
    grpc::CallbackServerContext* context, const v1::GenerateRequest* request) {
  RequestDefaults defaults;
  defaults.seed = parts_.random();
  defaults.request_id = absl::StrCat("request-", absl::Hex(parts_.random(), absl::kZeroPad16),
                                     absl::Hex(parts_.random(), absl::kZeroPad16));
  const auto reactor = std::make_shared<GenerateReactor>(parts_.engine, parts_.metrics,
                                                         parts_.clock, &open_calls_, context);
  reactor->Start(parts_.reader->ReadGenerate(*request, defaults));
  return reactor.get();
}

grpc::ServerUnaryReactor* GenerationService::Tokenize(grpc::CallbackServerContext* context,
                                                      const v1::TokenizeRequest* request,
                                                      v1::TokenizeResponse* response) {
  const absl::StatusOr<std::vector<int32_t>> tokens = parts_.reader->ReadTokenize(*request);
  if (tokens.ok()) response->mutable_token_ids()->Add(tokens->begin(), tokens->end());
  return FinishUnary(context, tokens.status());
}

grpc::ServerUnaryReactor* GenerationService::Detokenize(grpc::CallbackServerContext* context,
                                                        const v1::DetokenizeRequest* request,
                                                        v1::DetokenizeResponse* response) {
  absl::StatusOr<std::string> text = parts_.reader->ReadDetokenize(*request);
  if (!text.ok()) return FinishUnary(context, text.status());
  response->set_text(*std::move(text));
  return FinishUnary(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* GenerationService::GetModelInfo(grpc::CallbackServerContext* context,
                                                          const v1::GetModelInfoRequest*,
                                                          v1::GetModelInfoResponse* response) {
  const LlamaConfig& config = parts_.model->config();
  response->set_name(parts_.model->name());
  response->set_numerics_id(parts_.backend->numerics_id());
  chimera::ToProto(parts_.model->fingerprint(), response->mutable_fingerprint());
  response->set_vocab_size(config.vocab_size);
  response->set_context_length(parts_.engine->context_limit());
  response->set_layer_count(config.layer_count);
  response->set_hidden_size(config.hidden_size);
  response->set_eos_token_id(parts_.model->vocabulary().eos_id);
  return FinishUnary(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* GenerationService::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest*,
                                                           v1::GetServerInfoResponse* response) {
  const EngineLoad load = parts_.engine->load();
  response->set_version(kVersion);
  response->set_max_running_requests(parts_.engine->config().max_running_requests);
  response->set_max_waiting_requests(parts_.engine->config().max_waiting_requests);
  response->set_running_requests(load.running_requests);
  response->set_waiting_requests(load.waiting_requests);
  response->set_kv_page_count(parts_.backend->limits().page_count);
  response->set_free_kv_page_count(load.free_pages);
  response->set_draining(draining_.load());
  for (const DraftSource* source : parts_.draft_sources) {
    ToProto(source->Status(), response->add_drafters());
  }
  ToProto(parts_.engine->speculation(), response->mutable_speculation());
  return FinishUnary(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* GenerationService::Abort(grpc::CallbackServerContext* context,
                                                   const v1::AbortRequest* request,
                                                   v1::AbortResponse*) {
  if (request->request_id().empty()) {
    return FinishUnary(
        context, ErrorWithReason(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD,
                                 "request_id", "request_id is required"));
  }
  return FinishUnary(context, parts_.engine->Cancel(request->request_id()));
}

}  // namespace chimera
