// The prompts to answer, and answers to read again.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_PROMPT_FILE_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_PROMPT_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sampling/sampling_params.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"

namespace chimera {

// What to answer and how.
struct GenerationPrompt {
  int64_t index = 0;  // line of the file, from 0
  std::vector<int32_t> token_ids;
  SamplingParams sampling;
  int32_t max_tokens = 0;
  // The answer, where it was given before: then nothing is sampled. Empty: to be answered.
  std::vector<int32_t> response_ids;
};

// Reads JSON lines. Each is an object with "prompt", a user's message; "raw", text that is not put
// into the chat template and in which special tokens count; or "prompt_ids", tokens. And, if
// wanted, "temperature", "top_k", "min_p", "top_p", "seed" and "max_tokens", in whose absence
// `max_tokens` holds; or "response_ids", the tokens of an answer. Other members are ignored.
// `chat_template` may be null if no line has "prompt". Errors name the file and the line:
// NOT_FOUND, or INVALID_ARGUMENT for what cannot be read or is out of range.
absl::StatusOr<std::vector<GenerationPrompt>> ReadPromptFile(const std::string& path,
                                                             const Tokenizer& tokenizer,
                                                             const ChatTemplate* chat_template,
                                                             int32_t max_tokens);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_PROMPT_FILE_H_
