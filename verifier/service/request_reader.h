// Turns requests from clients into requests to the engine, checking every field.

#ifndef CHIMERA_VERIFIER_SERVICE_REQUEST_READER_H_
#define CHIMERA_VERIFIER_SERVICE_REQUEST_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "chimera/v1/generation_service.pb.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "verifier/engine/generation_request.h"

namespace chimera {

// What a request lacks and the server makes up. Randomness is an argument.
struct RequestDefaults {
  uint64_t seed = 0;
  std::string request_id;
};

// Immutable; any thread. Every error carries a reason and the path of the field (ErrorDetail), and
// its message names the field and the limit.
class RequestReader {
 public:
  // `tokenizer` and `chat_template` must outlive the reader. `context_limit`: positions that prompt
  // and reply may take together.
  RequestReader(const Tokenizer* tokenizer, const ChatTemplate* chat_template,
                int32_t context_limit)
      : tokenizer_(tokenizer), chat_template_(chat_template), context_limit_(context_limit) {}

  // The result fits into the context: max_tokens is cut to what the prompt leaves.
  absl::StatusOr<GenerationRequest> ReadGenerate(const v1::GenerateRequest& request,
                                                 const RequestDefaults& defaults) const;

  absl::StatusOr<std::vector<int32_t>> ReadTokenize(const v1::TokenizeRequest& request) const;

  // Valid UTF-8.
  absl::StatusOr<std::string> ReadDetokenize(const v1::DetokenizeRequest& request) const;

 private:
  absl::StatusOr<std::vector<int32_t>> EncodeText(const std::string& text) const;
  absl::StatusOr<std::vector<int32_t>> EncodeMessages(const v1::ChatMessages& messages) const;
  absl::StatusOr<std::vector<int32_t>> ReadPrompt(const v1::GenerateRequest& request) const;
  absl::StatusOr<StopConditions> ReadStop(const v1::StopConditions& stop,
                                          int32_t prompt_size) const;

  const Tokenizer* const tokenizer_;
  const ChatTemplate* const chat_template_;
  const int32_t context_limit_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_REQUEST_READER_H_
