#include "tools/chimera/generate.h"

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "tools/chimera/connection.h"
#include "tools/chimera/input.h"
#include "tools/chimera/report.h"
#include "tools/chimera/request.h"

namespace chimera {
namespace {

absl::StatusOr<std::string> ReadPrompt(const GenerateConfig& config, const Terminal& terminal,
                                       const Cancellation* cancellation) {
  if (config.prompt.has_value()) return *config.prompt;
  if (terminal.InputIsInteractive()) terminal.PrintError("Type the prompt, then Ctrl-D:\n");
  return Input(terminal.input_fd(), cancellation, kMaxPromptBytes).ReadAll();
}

v1::GenerateRequest MakeRequest(const GenerateConfig& config, const std::string& prompt) {
  v1::GenerateRequest request = NewRequest(config.request, config.speculation);
  if (config.form == PromptForm::kRaw) {
    request.set_text(prompt);
    return request;
  }
  if (!config.system.empty()) AddMessage("system", config.system, request);
  AddMessage("user", prompt, request);
  return request;
}

}  // namespace

absl::Status RunGenerate(const GenerateConfig& config, const Terminal& terminal,
                         Cancellation* cancellation) {
  CHIMERA_ASSIGN_OR_RETURN(const std::string prompt, ReadPrompt(config, terminal, cancellation));
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                           Connection::Open(config.server, cancellation));
  const auto start = std::chrono::steady_clock::now();
  const bool prints_text = config.output != ReplyOutput::kIds;
  bool started = false;
  const absl::StatusOr<Reply> reply = connection->client().Generate(
      MakeRequest(config, prompt), [&](const v1::GenerateChunk& chunk) {
        if (!prints_text) return;
        terminal.Print(chunk.text());
        started = true;
      });
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (prints_text && (started || reply.ok())) terminal.Print("\n");
  CHIMERA_RETURN_IF_ERROR(reply.status());
  if (config.output != ReplyOutput::kText) {
    terminal.Print(absl::StrCat(absl::StrJoin(reply->token_ids, " "), "\n"));
  }
  terminal.PrintError(absl::StrCat(DescribeFigures(reply->complete, elapsed.count()), "\n"));
  return absl::OkStatus();
}

}  // namespace chimera
