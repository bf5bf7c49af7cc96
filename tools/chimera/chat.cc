#include "tools/chimera/chat.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tools/chimera/connection.h"
#include "tools/chimera/input.h"
#include "tools/chimera/report.h"
#include "tools/chimera/request.h"

namespace chimera {
namespace {

v1::GenerateRequest NewConversation(const ChatConfig& config) {
  v1::GenerateRequest request = NewRequest(config.request, config.speculation);
  if (!config.system.empty()) AddMessage("system", config.system, request);
  return request;
}

// Adds the user's line and the streamed reply to the conversation.
absl::Status Answer(const std::string& line, const Terminal& terminal, GenerationClient& client,
                    v1::GenerateRequest& conversation) {
  v1::GenerateRequest request = conversation;
  AddMessage("user", line, request);
  const auto start = std::chrono::steady_clock::now();
  const absl::StatusOr<Reply> reply = client.Generate(
      request, [&](const v1::GenerateChunk& chunk) { terminal.Print(chunk.text()); });
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  terminal.Print("\n");
  CHIMERA_RETURN_IF_ERROR(reply.status());
  if (terminal.ErrorsAreInteractive()) {
    terminal.PrintError(
        absl::StrCat("[", DescribeFigures(reply->complete, elapsed.count()), "]\n"));
  }
  AddMessage("assistant", reply->text, request);
  conversation = request;
  return absl::OkStatus();
}

}  // namespace

absl::Status RunChat(const ChatConfig& config, const Terminal& terminal,
                     Cancellation* cancellation) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                           Connection::Open(config.server, cancellation));
  const bool interactive = terminal.InputIsInteractive();
  if (interactive) terminal.PrintError("/reset forgets the conversation, /exit ends it.\n");
  Input input(terminal.input_fd(), cancellation, kMaxPromptBytes);
  v1::GenerateRequest conversation = NewConversation(config);
  while (true) {
    if (interactive) terminal.PrintError("> ");
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<std::string> read, input.ReadLine());
    if (!read.has_value()) return absl::OkStatus();
    const std::string line(absl::StripAsciiWhitespace(*read));
    if (line.empty()) continue;
    if (line == "/exit") return absl::OkStatus();
    if (line == "/reset") {
      conversation = NewConversation(config);
      continue;
    }
    absl::Status status = Answer(line, terminal, connection->client(), conversation);
    if (status.ok()) continue;
    if (!interactive || cancellation->cancelled()) return status;
    terminal.PrintError(absl::StrCat("chimera: ", DescribeError(status), "\n"));
  }
}

}  // namespace chimera
