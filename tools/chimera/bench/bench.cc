#include "tools/chimera/bench/bench.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tools/chimera/bench/progress_bar.h"
#include "tools/chimera/bench/prompt_file.h"
#include "tools/chimera/bench/result.h"
#include "tools/chimera/bench/runner.h"
#include "tools/chimera/bench/schedule.h"
#include "tools/chimera/connection.h"
#include "tools/chimera/json.h"
#include "tools/chimera/report.h"

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

}  // namespace

absl::Status RunBench(const BenchConfig& config, const Terminal& terminal,
                      Cancellation* cancellation) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<std::string> prompts,
                           ReadPromptFile(config.prompts_path, config.limit));
  ResultFile output;
  CHIMERA_RETURN_IF_ERROR(output.Open(config.output_path));
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                           Connection::Open(config.server, cancellation));
  BenchRunner runner(config, prompts, &connection->client(), cancellation);
  const int mode_count = static_cast<int>(config.modes.size());
  const int prompt_count = static_cast<int>(prompts.size());
  {
    ProgressBar progress(terminal, prompt_count * mode_count);
    for (const Block& block :
         MakeSchedule(prompt_count, mode_count, BlockSize(config.concurrency))) {
      const std::string mode = SpeculationModeName(config.modes[block.mode]);
      CHIMERA_RETURN_IF_ERROR(runner.RunBlock(block, [&] { progress.Advance(mode); }));
      CHIMERA_RETURN_IF_ERROR(output.Write(block, runner.results()[block.mode]));
    }
  }
  for (const auto& line : Summarize(runner.results())) {
    terminal.Print(absl::StrCat(DumpJson(line), "\n"));
  }
  return absl::OkStatus();
}

}  // namespace chimera
