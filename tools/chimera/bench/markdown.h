// What a benchmark found, as tables to put into a document.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_MARKDOWN_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_MARKDOWN_H_

#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace chimera {

// A table of the lines of Summarize, a row for each mode, and one of tokens per step for each
// category where there are categories. Figures that are null are dashes.
std::string FormatMarkdown(std::span<const nlohmann::ordered_json> lines);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_MARKDOWN_H_
