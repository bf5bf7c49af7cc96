// Any bytes as a client's request: refused with a reason and the field, or one that the engine may
// run.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chimera/v1/generation_service.pb.h"
#include "common/base/check.h"
#include "common/rpc/status_conversion.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/proto_input.h"
#include "tests/fuzz/text_oracle.h"
#include "tests/fuzz/tiny_tokenizer.h"
#include "verifier/engine/stop_matcher.h"
#include "verifier/service/request_reader.h"

namespace chimera::testing {
namespace {

constexpr int32_t kContextLimit = 512;

struct Fixture {
  const std::unique_ptr<Tokenizer> tokenizer = MakeTinyTokenizer();
  const ChatTemplate chat_template = MakeTinyChatTemplate();
  const RequestReader reader{tokenizer.get(), &chat_template, kContextLimit};
  const RequestReader reader_without_template{tokenizer.get(), nullptr, kContextLimit};
  const RequestDefaults defaults = {.seed = 7, .request_id = "made-up"};
};

const Fixture& TheFixture() {
  static const Fixture* const fixture = new Fixture();
  return *fixture;
}

// Token ids are copied, text is tokenised.
AllocationLimit LimitFor(const v1::GenerateRequest& request, size_t input_bytes) {
  if (request.has_messages()) {
    return AllocationLimit(input_bytes, AllocationLimit::kTextFactor,
                           AllocationLimit::kConversationFloorBytes);
  }
  return AllocationLimit(
      input_bytes, request.has_text() ? AllocationLimit::kTextFactor : AllocationLimit::kFactor);
}

void CheckRefusal(const absl::Status& status) {
  CHIMERA_CHECK(status.code() == absl::StatusCode::kInvalidArgument) << status;
  const auto detail = GetErrorDetail(status);
  CHIMERA_CHECK(detail.has_value() && !detail->field().empty() &&
                (detail->reason() == v1::ERROR_REASON_INVALID_FIELD ||
                 detail->reason() == v1::ERROR_REASON_PROMPT_TOO_LONG))
      << status;
  CHIMERA_CHECK(IsPrintable({status.message().data(), status.message().size()}) &&
                IsPrintable(detail->field()))
      << status;
}

bool IsTokenId(int32_t id) { return id >= 0 && id < kTinyTokenizerSize; }

void CheckStop(const StopConditions& stop, size_t prompt_size) {
  CHIMERA_CHECK(stop.max_tokens >= 1 &&
                stop.max_tokens <= kContextLimit - static_cast<int32_t>(prompt_size));
  CHIMERA_CHECK(stop.stop_strings.size() <= 16 && stop.stop_token_ids.size() <= 64);
  for (const std::string& text : stop.stop_strings) {
    CHIMERA_CHECK(!text.empty() && text.size() <= 256);
  }
  CHIMERA_CHECK(std::all_of(stop.stop_token_ids.begin(), stop.stop_token_ids.end(), IsTokenId));
}

// The limits of generation_service.proto.
void CheckAccepted(const GenerationRequest& request, const v1::GenerateRequest& proto) {
  CHIMERA_CHECK(request.id == (proto.request_id().empty() ? "made-up" : proto.request_id()));
  CHIMERA_CHECK(request.id.size() <= 128);
  CHIMERA_CHECK(!request.prompt.empty() && request.prompt.size() < size_t{kContextLimit});
  CHIMERA_CHECK(std::all_of(request.prompt.begin(), request.prompt.end(), IsTokenId));
  const SamplingParams& sampling = request.sampling;
  CHIMERA_CHECK(sampling.temperature >= 0.0f && sampling.temperature <= 100.0f);
  CHIMERA_CHECK(sampling.top_k >= 0);
  CHIMERA_CHECK(sampling.min_p >= 0.0f && sampling.min_p <= 1.0f);
  CHIMERA_CHECK(sampling.top_p > 0.0f && sampling.top_p <= 1.0f);
  CHIMERA_CHECK(sampling.seed == (proto.sampling().has_seed() ? proto.sampling().seed() : 7));
  CheckStop(request.stop, request.prompt.size());
  const SpeculationOptions& speculation = request.speculation;
  CHIMERA_CHECK(speculation.max_nodes >= 0 && speculation.max_nodes <= 63);
  CHIMERA_CHECK(speculation.max_depth >= 0 && speculation.max_depth <= 15);
  CHIMERA_CHECK(speculation.enabled == (proto.speculation().mode() != v1::SPECULATION_MODE_OFF));
}

// Tokenize must say what Generate would do with the prompt.
void TryTokenize(const v1::GenerateRequest& request, const GenerationRequest* accepted) {
  v1::TokenizeRequest tokenize;
  if (request.has_text()) tokenize.set_text(request.text());
  if (request.has_messages()) *tokenize.mutable_messages() = request.messages();
  const auto ids = TheFixture().reader.ReadTokenize(tokenize);
  if (!ids.ok()) CheckRefusal(ids.status());
  if (accepted == nullptr || request.has_token_ids()) return;
  CHIMERA_CHECK(ids.ok() && *ids == accepted->prompt) << ids.status();
}

void TryDetokenize(const std::vector<int32_t>& ids) {
  v1::DetokenizeRequest detokenize;
  detokenize.mutable_token_ids()->Assign(ids.begin(), ids.end());
  const auto text = TheFixture().reader.ReadDetokenize(detokenize);
  if (!text.ok()) return CheckRefusal(text.status());
  CHIMERA_CHECK(IsUtf8(*text));
}

// The prompt as a reply: the client's stop strings must cut it where they say.
void TryStopStrings(const GenerationRequest& request) {
  StopMatcher matcher(request.stop.stop_strings);
  std::string all;
  std::string let_through;
  for (const int32_t token : request.prompt) {
    const absl::string_view bytes = TheFixture().tokenizer->TokenBytes(token);
    all.append(bytes.data(), bytes.size());
    let_through += matcher.Append(bytes);
    if (matcher.stopped()) break;
  }
  let_through += matcher.Finish();
  CHIMERA_CHECK(all.compare(0, let_through.size(), let_through) == 0);
  CHIMERA_CHECK(matcher.stopped() || let_through == all);
  for (const std::string& stop : request.stop.stop_strings) {
    CHIMERA_CHECK(let_through.find(stop) == std::string::npos) << "a stop string was let through";
  }
}

void TryRequest(const v1::GenerateRequest& request, size_t input_bytes) {
  const Fixture& fixture = TheFixture();
  absl::StatusOr<GenerationRequest> accepted;
  {
    const AllocationLimit limit = LimitFor(request, input_bytes);
    accepted = fixture.reader.ReadGenerate(request, fixture.defaults);
  }
  if (accepted.ok()) {
    CheckAccepted(*accepted, request);
    TryDetokenize(accepted->prompt);
    TryStopStrings(*accepted);
  } else {
    CheckRefusal(accepted.status());
  }
  TryTokenize(request, accepted.ok() ? &*accepted : nullptr);
  if (request.has_token_ids()) {
    TryDetokenize({request.token_ids().ids().begin(), request.token_ids().ids().end()});
  }
  const auto plain = fixture.reader_without_template.ReadGenerate(request, fixture.defaults);
  CHIMERA_CHECK(plain.ok() == (accepted.ok() && !request.has_messages())) << plain.status();
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace chimera::testing;  // NOLINT: half of it is used
  chimera::v1::GenerateRequest request;
  if (ReadTextOrWire(AsText(data, size), &request)) TryRequest(request, size);
  return 0;
}
