// Writes a drafter of random weights for a model, of the size of a trained one: what it proposes is
// wrong, and with a confidence above 1 it is sure of it.
//
//   write_random_drafter MODEL OUT.safetensors [CONFIDENCE] [TAPPED_LAYERS]
//
// MODEL is a GGUF file or a Hugging Face folder.
// CONFIDENCE, 1 unless given, is the standard deviation of the logits, about. TAPPED_LAYERS are
// numbers with commas between them; unless given, the middle layer and the last.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/model/llama_model.h"
#include "tests/testing/tiny_drafter.h"

namespace chimera {
namespace {

// The shape of a trained drafter; its draft vocabulary takes every third token.
absl::StatusOr<testing::TinyDrafterOptions> ChooseShape(const LlamaModel& model) {
  const LlamaConfig& config = model.config();
  testing::TinyDrafterOptions options = {
      .target = model.fingerprint(),
      .hidden_size = config.hidden_size,
      .query_heads = config.query_head_count,
      .kv_heads = config.kv_head_count,
      .head_dim = config.head_dim,
      .ffn_size = 2 * config.hidden_size,
      .trigram_hidden_size = 2 * config.hidden_size,
      .tapped_layers = {config.layer_count / 2, config.layer_count},
      .draft_vocab_size = 8192,
      .context_window = 512};
  if (config.vocab_size > 3 * options.draft_vocab_size) return options;
  return absl::InvalidArgumentError(absl::StrCat("the model has ", config.vocab_size,
                                                 " tokens, must have more than ",
                                                 3 * options.draft_vocab_size));
}

absl::Status Run(const std::vector<std::string>& arguments) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<LlamaModel> model, LlamaModel::Open(arguments[0]));
  CHIMERA_ASSIGN_OR_RETURN(testing::TinyDrafterOptions options, ChooseShape(*model));
  if (arguments.size() > 2 && !absl::SimpleAtof(arguments[2], &options.confidence)) {
    return absl::InvalidArgumentError(absl::StrCat("CONFIDENCE is \"", arguments[2], "\""));
  }
  if (arguments.size() > 3) {
    options.tapped_layers.clear();
    for (const absl::string_view part : absl::StrSplit(arguments[3], ',')) {
      if (!absl::SimpleAtoi(part, &options.tapped_layers.emplace_back())) {
        return absl::InvalidArgumentError(absl::StrCat("TAPPED_LAYERS are \"", arguments[3], "\""));
      }
    }
  }
  testing::BuildTinyDrafter(options).Write(arguments[1]);
  return absl::OkStatus();
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::cerr << "usage: write_random_drafter MODEL OUT.safetensors [CONFIDENCE] [TAPPED_LAYERS]\n"
                 "MODEL is a GGUF file or a Hugging Face folder.\n";
    return 2;
  }
  const absl::Status status = chimera::Run({argv + 1, argv + argc});
  if (!status.ok()) std::cerr << "write_random_drafter: " << status << "\n";
  return status.ok() ? 0 : 1;
}
