#include "tools/chimera/bench/bench.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tools/chimera/bench/markdown.h"
#include "tools/chimera/bench/progress_bar.h"
#include "tools/chimera/bench/prompt_file.h"
#include "tools/chimera/bench/result.h"
#include "tools/chimera/bench/runner.h"
#include "tools/chimera/bench/schedule.h"
#include "tools/chimera/connection.h"
#include "tools/chimera/json.h"

namespace chimera {
namespace {

// OUT.jsonl, or nowhere.
class ResultFile {
 public:
  // An empty path discards everything.
  absl::Status Open(const std::string& path) {
    if (path.empty()) return absl::OkStatus();
    path_ = path;
    file_.open(path, std::ios::trunc);
    return CheckWritten();
  }

  absl::Status Write(const Block& block, const ModeResult& result) {
    if (path_.empty()) return absl::OkStatus();
    for (int prompt = block.first_prompt; prompt < block.end_prompt; ++prompt) {
      file_ << DumpJson(ResultLine(prompt, result.mode, result.replies[prompt])) << "\n";
    }
    file_.flush();
    return CheckWritten();
  }

 private:
  absl::Status CheckWritten() const {
    if (file_) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("cannot write ", path_, ": ", strerror(errno)));
  }

  std::string path_;
  std::ofstream file_;
};

// The prompts of all rounds, one round after the other.
absl::StatusOr<std::vector<BenchPrompt>> ReadRounds(const BenchConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<BenchPrompt> prompts,
                           ReadPromptFile(config.prompts_path, config.limit));
  std::vector<BenchPrompt> rounds;
  for (int i = 0; i < config.rounds; ++i) {
    rounds.insert(rounds.end(), prompts.begin(), prompts.end());
  }
  return rounds;
}

}  // namespace

absl::Status RunBench(const BenchConfig& config, const Terminal& terminal,
                      Cancellation* cancellation) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<BenchPrompt> prompts, ReadRounds(config));
  ResultFile output;
  CHIMERA_RETURN_IF_ERROR(output.Open(config.output_path));
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<BenchServer> servers;
  for (const ServerChoice& choice : config.servers) {
    CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                             Connection::Open(choice, cancellation));
    servers.push_back({&connection->client(), std::holds_alternative<Address>(choice)
                                                  ? config.metrics_address
                                                  : connection->metrics_address()});
    connections.push_back(std::move(connection));
  }
  BenchRunner runner(config, prompts, servers, cancellation);
  const int mode_count = static_cast<int>(config.modes.size());
  const int prompt_count = static_cast<int>(prompts.size());
  {
    ProgressBar progress(terminal, prompt_count * mode_count);
    const int block_size =
        config.block_size > 0 ? config.block_size : BlockSize(config.concurrency);
    for (const Block& block : MakeSchedule(prompt_count, mode_count, block_size)) {
      const std::string& mode = config.modes[block.mode].name;
      CHIMERA_RETURN_IF_ERROR(runner.RunBlock(block, [&] { progress.Advance(mode); }));
      CHIMERA_RETURN_IF_ERROR(output.Write(block, runner.results()[block.mode]));
    }
  }
  const auto lines = Summarize(prompts, runner.results());
  if (config.format == BenchFormat::kMarkdown) {
    terminal.Print(FormatMarkdown(lines));
    return absl::OkStatus();
  }
  for (const auto& line : lines) terminal.Print(absl::StrCat(DumpJson(line), "\n"));
  return absl::OkStatus();
}

}  // namespace chimera
