#include "tools/chimera/flags.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/model/default_model_path.h"
#include "common/rpc/address.h"
#include "tools/chimera/usage.h"

ABSL_FLAG(std::string, server, "",
          "ADDR  Server: unix:/path or host:port. Default $CHIMERA_SERVER or 127.0.0.1:50051.");
ABSL_FLAG(bool, local, false, "Start a chimera-node for this command instead of using a server.");
ABSL_FLAG(std::string, model, "",
          "PATH  Model of --local. Default $CHIMERA_MODEL or the one scripts/setup fetched.");
ABSL_FLAG(std::string, draft_model, "",
          "FILE  Drafter of --local's node, or ngram. Default: that beside the model, else ngram.");
ABSL_FLAG(int, threads, 0, "N  Threads of --local's node. Default: its own choice.");
ABSL_FLAG(absl::optional<std::string>, prompt, absl::nullopt,
          "TEXT  The prompt. Default: read from standard input.");
ABSL_FLAG(std::string, system, "", "TEXT  The system message. Default: the model's own.");
ABSL_FLAG(bool, raw, false, "Continue the prompt as plain text, without the chat template.");
ABSL_FLAG(bool, text, false, "Print the text of the reply (the default).");
ABSL_FLAG(bool, ids, false, "Print the token ids of the reply on one line; after it with --text.");
ABSL_FLAG(std::string, speculation, "auto", "MODE  off or auto. Default auto.");
ABSL_FLAG(int, max_tokens, 1024, "N  Most tokens to generate; 0 fills the context. Default 1024.");
ABSL_FLAG(float, temperature, 0, "T  Divides the logits, in [0, 100]; 0, the default, is greedy.");
ABSL_FLAG(float, top_p, 1,
          "P  Keep the most probable tokens up to this sum, in (0, 1]. Default 1.");
ABSL_FLAG(int, top_k, 0, "K  Keep the K most probable tokens; 0, the default, keeps all.");
ABSL_FLAG(float, min_p, 0, "P  Drop tokens below this share of the best, in [0, 1]. Default 0.");
ABSL_FLAG(absl::optional<uint64_t>, seed, absl::nullopt, "S  Key of the noise. Default: random.");
ABSL_FLAG(std::vector<std::string>, stop, {}, "TEXT  Text that ends the reply. May be repeated.");
ABSL_FLAG(bool, json, false, "Print JSON.");
ABSL_FLAG(std::string, prompts, "", "FILE  Prompts, JSON lines. Required.");
ABSL_FLAG(std::string, modes, "off,auto", "LIST  Modes of speculation. Default off,auto.");
ABSL_FLAG(int, concurrency, 1, "C  Streams in flight, in [1, 1024]. Default 1.");
ABSL_FLAG(int, limit, 0, "K  Use the first K prompts; 0, the default, uses all.");
ABSL_FLAG(int, rounds, 1, "R  Times that all prompts are asked. Default 1.");
ABSL_FLAG(int, block_size, 0, "B  Prompts of a block. Default: twice the streams in flight.");
ABSL_FLAG(std::string, metrics, "",
          "ADDR  host:port of the server's metrics, for the split of a step. --local knows it.");
ABSL_FLAG(std::string, output, "", "FILE  Write a JSON line per prompt and mode.");
ABSL_FLAG(bool, markdown, false, "Print tables in place of JSON.");

namespace chimera {
namespace {

constexpr char kDefaultServer[] = "127.0.0.1:50051";
constexpr int kMaxConcurrency = 1024;
constexpr int kMaxRounds = 1000;
constexpr int kMaxBlockSize = 1 << 20;
constexpr size_t kMaxStopStrings = 16;
constexpr size_t kMaxStopStringBytes = 256;

template <typename... Parts>
absl::Status UsageError(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FirstNotEmpty(const std::string& first, const std::string& second) {
  return first.empty() ? second : first;
}

// A flag as the user wrote it.
struct Argument {
  std::string name;  // With underscores.
  absl::optional<std::string> value;
};

absl::StatusOr<Argument> SplitArgument(absl::string_view text) {
  if (!absl::StartsWith(text, "--") || text.size() == 2) {
    return UsageError("unexpected argument \"", text, "\"");
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text.substr(2), absl::MaxSplits('=', 1));
  Argument argument{absl::StrReplaceAll(parts.first, {{"-", "_"}}), absl::nullopt};
  if (absl::StrContains(text, '=')) argument.value = std::string(parts.second);
  return argument;
}

// Sets the flag of that name. --stop adds to its list, so that stop strings may hold commas.
absl::Status SetFlag(const std::string& name, const std::string& value) {
  if (name == "stop") {
    std::vector<std::string> stops = absl::GetFlag(FLAGS_stop);
    stops.push_back(value);
    absl::SetFlag(&FLAGS_stop, stops);
    return absl::OkStatus();
  }
  std::string error;
  if (!absl::FindCommandLineFlag(name)->ParseFrom(value, &error)) {
    return UsageError("--", absl::StrReplaceAll(name, {{"_", "-"}}), " cannot be \"", value, "\"");
  }
  return absl::OkStatus();
}

// Sets the flags of a command. absl::ParseCommandLine would accept the flags of every command, and
// end the process with another exit code than wrong usage has here.
absl::Status SetFlags(const CommandUsage& usage, std::span<const std::string> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    CHIMERA_ASSIGN_OR_RETURN(Argument argument, SplitArgument(arguments[i]));
    const auto& names = usage.flags;
    if (std::find(names.begin(), names.end(), argument.name) == names.end()) {
      return UsageError("chimera ", usage.name, " has no flag ", arguments[i]);
    }
    const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(argument.name);
    CHIMERA_CHECK(flag != nullptr) << argument.name;
    if (!argument.value.has_value() && flag->IsOfType<bool>()) argument.value = "true";
    if (!argument.value.has_value()) {
      if (i + 1 == arguments.size()) return UsageError(arguments[i], " needs a value");
      argument.value = arguments[++i];
    }
    CHIMERA_RETURN_IF_ERROR(SetFlag(argument.name, *argument.value));
  }
  return absl::OkStatus();
}

absl::StatusOr<Address> ReadAddress() {
  absl::StatusOr<Address> address = ParseDialAddress(FirstNotEmpty(
      absl::GetFlag(FLAGS_server), FirstNotEmpty(Environment("CHIMERA_SERVER"), kDefaultServer)));
  if (!address.ok()) return UsageError("--server: ", address.status().message());
  return address;
}

absl::StatusOr<LocalNodeConfig> ReadLocalNode(absl::string_view draft_model) {
  LocalNodeConfig config;
  config.draft_model = std::string(draft_model);
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return absl::InternalError("cannot find the folder of this program");
  config.binary_directory = self.parent_path();
  config.model_path = FirstNotEmpty(absl::GetFlag(FLAGS_model), DefaultModelPath());
  config.threads = absl::GetFlag(FLAGS_threads);
  if (config.threads < 0) return UsageError("--threads must not be negative");
  config.temporary_directory =
      std::filesystem::absolute(FirstNotEmpty(Environment("TMPDIR"), "/tmp"), error);
  return config;
}

absl::StatusOr<ServerChoice> ReadServerChoice(absl::string_view draft_model) {
  if (!absl::GetFlag(FLAGS_local)) {
    if (!absl::GetFlag(FLAGS_model).empty()) return UsageError("--model needs --local");
    if (!draft_model.empty()) return UsageError("--draft-model needs --local");
    if (absl::GetFlag(FLAGS_threads) != 0) return UsageError("--threads needs --local");
    return ReadAddress();
  }
  if (!absl::GetFlag(FLAGS_server).empty()) {
    return UsageError("--server and --local exclude each other");
  }
  return ReadLocalNode(draft_model);
}

absl::StatusOr<v1::SamplingParams> ReadSampling() {
  v1::SamplingParams sampling;
  sampling.set_temperature(absl::GetFlag(FLAGS_temperature));
  sampling.set_top_k(absl::GetFlag(FLAGS_top_k));
  sampling.set_min_p(absl::GetFlag(FLAGS_min_p));
  sampling.set_top_p(absl::GetFlag(FLAGS_top_p));
  if (absl::GetFlag(FLAGS_seed).has_value()) sampling.set_seed(*absl::GetFlag(FLAGS_seed));
  // Written so that NaN fails.
  if (!(sampling.temperature() >= 0 && sampling.temperature() <= 100)) {
    return UsageError("--temperature is ", sampling.temperature(), ", must be in [0, 100]");
  }
  if (!(sampling.top_p() > 0 && sampling.top_p() <= 1)) {
    return UsageError("--top-p is ", sampling.top_p(), ", must be in (0, 1]");
  }
  if (!(sampling.min_p() >= 0 && sampling.min_p() <= 1)) {
    return UsageError("--min-p is ", sampling.min_p(), ", must be in [0, 1]");
  }
  if (sampling.top_k() < 0) return UsageError("--top-k must not be negative");
  return sampling;
}

absl::StatusOr<v1::StopConditions> ReadStop() {
  v1::StopConditions stop;
  const int max_tokens = absl::GetFlag(FLAGS_max_tokens);
  if (max_tokens < 0) return UsageError("--max-tokens must not be negative");
  if (max_tokens > 0) stop.set_max_tokens(max_tokens);
  const std::vector<std::string> texts = absl::GetFlag(FLAGS_stop);
  if (texts.size() > kMaxStopStrings) {
    return UsageError("--stop may be given ", kMaxStopStrings, " times at most");
  }
  for (const std::string& text : texts) {
    if (text.empty() || text.size() > kMaxStopStringBytes) {
      return UsageError("--stop must have 1 to ", kMaxStopStringBytes, " bytes");
    }
    stop.add_stop_strings(text);
  }
  return stop;
}

absl::StatusOr<RequestConfig> ReadRequest() {
  RequestConfig request;
  CHIMERA_ASSIGN_OR_RETURN(request.sampling, ReadSampling());
  CHIMERA_ASSIGN_OR_RETURN(request.stop, ReadStop());
  return request;
}

absl::StatusOr<v1::SpeculationMode> ParseMode(absl::string_view flag, absl::string_view name) {
  if (name == "off") return v1::SPECULATION_MODE_OFF;
  if (name == "auto") return v1::SPECULATION_MODE_AUTO;
  return UsageError(flag, ": unknown mode \"", name, "\", must be off or auto");
}

absl::StatusOr<CommandConfig> ReadGenerate() {
  GenerateConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.server, ReadServerChoice(absl::GetFlag(FLAGS_draft_model)));
  CHIMERA_ASSIGN_OR_RETURN(config.request, ReadRequest());
  CHIMERA_ASSIGN_OR_RETURN(config.speculation,
                           ParseMode("--speculation", absl::GetFlag(FLAGS_speculation)));
  if (const auto prompt = absl::GetFlag(FLAGS_prompt)) config.prompt = *prompt;
  if (absl::GetFlag(FLAGS_raw)) config.form = PromptForm::kRaw;
  config.system = absl::GetFlag(FLAGS_system);
  if (config.form == PromptForm::kRaw && !config.system.empty()) {
    return UsageError("--raw and --system exclude each other");
  }
  if (absl::GetFlag(FLAGS_ids)) {
    config.output = absl::GetFlag(FLAGS_text) ? ReplyOutput::kTextAndIds : ReplyOutput::kIds;
  }
  return config;
}

absl::StatusOr<CommandConfig> ReadChat() {
  ChatConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.server, ReadServerChoice(absl::GetFlag(FLAGS_draft_model)));
  CHIMERA_ASSIGN_OR_RETURN(config.request, ReadRequest());
  CHIMERA_ASSIGN_OR_RETURN(config.speculation,
                           ParseMode("--speculation", absl::GetFlag(FLAGS_speculation)));
  config.system = absl::GetFlag(FLAGS_system);
  return config;
}

absl::StatusOr<CommandConfig> ReadInspect() {
  InspectConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.address, ReadAddress());
  if (absl::GetFlag(FLAGS_json)) config.format = FactsFormat::kJson;
  return config;
}

// A server for each draft model that the user named, or one.
absl::Status ReadBenchServers(const std::vector<std::string>& draft_models, BenchConfig* config) {
  for (const std::string& draft_model : draft_models) {
    CHIMERA_ASSIGN_OR_RETURN(ServerChoice server, ReadServerChoice(draft_model));
    if (auto* const local = std::get_if<LocalNodeConfig>(&server)) {
      local->metrics_listen = "127.0.0.1:0";
    }
    config->servers.push_back(std::move(server));
  }
  config->metrics_address = absl::GetFlag(FLAGS_metrics);
  if (!config->metrics_address.empty() && absl::GetFlag(FLAGS_local)) {
    return UsageError("--metrics and --local exclude each other");
  }
  return absl::OkStatus();
}

// Without speculation the draft models do not differ: off is measured once.
absl::Status ReadBenchModes(const std::vector<std::string>& draft_models, BenchConfig* config) {
  for (absl::string_view name : absl::StrSplit(absl::GetFlag(FLAGS_modes), ',')) {
    CHIMERA_ASSIGN_OR_RETURN(const v1::SpeculationMode speculation, ParseMode("--modes", name));
    const bool is_one = speculation == v1::SPECULATION_MODE_OFF || draft_models.size() == 1;
    for (size_t i = 0; i < (is_one ? 1 : draft_models.size()); ++i) {
      BenchMode mode = {std::string(name), speculation, static_cast<int>(i)};
      if (!is_one) absl::StrAppend(&mode.name, ":", draft_models[i]);
      for (const BenchMode& other : config->modes) {
        if (other.name != mode.name) continue;
        return UsageError("--modes and --draft-model name ", mode.name, " twice");
      }
      config->modes.push_back(std::move(mode));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> ReadCount(const absl::Flag<int>& flag, int low, int high) {
  const int value = absl::GetFlag(flag);
  if (value >= low && value <= high) return value;
  const std::string name(absl::GetFlagReflectionHandle(flag).Name());
  return UsageError("--", absl::StrReplaceAll(name, {{"_", "-"}}), " is ", value, ", must be in [",
                    low, ", ", high, "]");
}

absl::StatusOr<CommandConfig> ReadBench() {
  BenchConfig config;
  const std::vector<std::string> draft_models =
      absl::StrSplit(absl::GetFlag(FLAGS_draft_model), ',');
  CHIMERA_RETURN_IF_ERROR(ReadBenchServers(draft_models, &config));
  CHIMERA_ASSIGN_OR_RETURN(config.request, ReadRequest());
  config.prompts_path = absl::GetFlag(FLAGS_prompts);
  if (config.prompts_path.empty()) return UsageError("chimera bench needs --prompts");
  CHIMERA_RETURN_IF_ERROR(ReadBenchModes(draft_models, &config));
  CHIMERA_ASSIGN_OR_RETURN(config.concurrency, ReadCount(FLAGS_concurrency, 1, kMaxConcurrency));
  CHIMERA_ASSIGN_OR_RETURN(config.rounds, ReadCount(FLAGS_rounds, 1, kMaxRounds));
  CHIMERA_ASSIGN_OR_RETURN(config.block_size, ReadCount(FLAGS_block_size, 0, kMaxBlockSize));
  config.limit = absl::GetFlag(FLAGS_limit);
  if (config.limit < 0) return UsageError("--limit must not be negative");
  config.output_path = absl::GetFlag(FLAGS_output);
  if (absl::GetFlag(FLAGS_markdown)) config.format = BenchFormat::kMarkdown;
  return config;
}

}  // namespace

absl::StatusOr<CommandConfig> ParseCommand(std::span<const std::string> arguments) {
  if (arguments.empty()) return UsageError("no command given");
  const std::string& name = arguments[0];
  if (name == "--help" || name == "help") return HelpConfig{ProgramHelp()};
  if (name == "--version") return HelpConfig{absl::StrCat("chimera ", kVersion, "\n")};
  const CommandUsage* usage = FindCommand(name);
  if (usage == nullptr) return UsageError("unknown command \"", name, "\"");
  const std::span<const std::string> flags = arguments.subspan(1);
  if (std::count(flags.begin(), flags.end(), "--help") > 0) return HelpConfig{CommandHelp(*usage)};
  CHIMERA_RETURN_IF_ERROR(SetFlags(*usage, flags));
  if (name == "generate") return ReadGenerate();
  if (name == "chat") return ReadChat();
  if (name == "inspect") return ReadInspect();
  return ReadBench();
}

}  // namespace chimera
