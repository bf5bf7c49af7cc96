// Prompts of a benchmark.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_PROMPT_FILE_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_PROMPT_FILE_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chimera {

// What to ask, and what sort of question it is.
struct BenchPrompt {
  std::string text;      // not empty
  std::string category;  // empty where the file does not say

  bool operator==(const BenchPrompt&) const = default;
};

// Reads JSON lines: objects with `prompt`, a text, or `turns`, a list of texts whose first is used;
// `prompt` counts where both are there. A text `category` is taken too, where there is one. Empty
// lines are skipped. Stops after `limit` prompts, at the end if it is 0.
//
// INVALID_ARGUMENT, naming the line, where one is not such an object, its prompt is empty or it is
// longer than 8 MiB; and where there is no prompt at all.
absl::StatusOr<std::vector<BenchPrompt>> ReadPrompts(std::istream& input, int limit);

// Reads the file at `path`. Also NOT_FOUND.
absl::StatusOr<std::vector<BenchPrompt>> ReadPromptFile(const std::string& path, int limit);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_PROMPT_FILE_H_
