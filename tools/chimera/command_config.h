// What the user asked for, checked: one struct per command.

#ifndef CHIMERA_TOOLS_CHIMERA_COMMAND_CONFIG_H_
#define CHIMERA_TOOLS_CHIMERA_COMMAND_CONFIG_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chimera/v1/generation_service.pb.h"
#include "chimera/v1/sampling.pb.h"
#include "common/rpc/address.h"
#include "tools/chimera/connection.h"

namespace chimera {

// How tokens are chosen and when a reply ends; every field is in its range.
struct RequestConfig {
  v1::SamplingParams sampling;
  v1::StopConditions stop;
};

// What `generate` does with its prompt.
enum class PromptForm {
  kChat,  // One user message in the model's chat template.
  kRaw,   // Plain text.
};

// What `generate` prints on standard output.
enum class ReplyOutput { kText, kIds, kTextAndIds };

// How `inspect` prints.
enum class FactsFormat { kText, kJson };

// chimera generate
struct GenerateConfig {
  ServerChoice server;
  RequestConfig request;
  v1::SpeculationMode speculation = v1::SPECULATION_MODE_AUTO;
  std::optional<std::string> prompt;  // Read from standard input where it is absent.
  PromptForm form = PromptForm::kChat;
  std::string system;  // Empty leaves the system line to the chat template. Only with kChat.
  ReplyOutput output = ReplyOutput::kText;
};

// chimera chat
struct ChatConfig {
  ServerChoice server;
  RequestConfig request;
  v1::SpeculationMode speculation = v1::SPECULATION_MODE_AUTO;
  std::string system;  // As in GenerateConfig.
};

// chimera inspect
struct InspectConfig {
  Address address;
  FactsFormat format = FactsFormat::kText;
};

// How `bench` prints.
enum class BenchFormat { kJson, kMarkdown };

// One of what `bench` compares: who answers, and whether by speculation.
struct BenchMode {
  std::string name;  // "off" or "auto", with ":" and the draft model if there are several.
  v1::SpeculationMode speculation = v1::SPECULATION_MODE_AUTO;
  int server = 0;  // Index into BenchConfig::servers.
};

// chimera bench
struct BenchConfig {
  std::vector<ServerChoice> servers;  // One for each draft model; at least one.
  std::string metrics_address;        // Of a running server, "host:port"; empty where unknown.
  RequestConfig request;
  std::string prompts_path;
  std::vector<BenchMode> modes;  // At least one, with different names.
  int concurrency = 1;           // Streams in flight. Positive.
  int limit = 0;                 // Prompts used; 0 is all of them.
  int rounds = 1;                // Times that all of them are asked. Positive.
  int block_size = 0;            // Prompts of a block; 0 is BlockSize(concurrency).
  std::string output_path;       // Empty writes no file.
  BenchFormat format = BenchFormat::kJson;
};

// A request for help or the version, with the text that answers it.
struct HelpConfig {
  std::string text;
};

using CommandConfig =
    std::variant<HelpConfig, GenerateConfig, ChatConfig, InspectConfig, BenchConfig>;

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_COMMAND_CONFIG_H_
