#include "tools/chimera/inspect.h"

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "tools/chimera/connection.h"
#include "tools/chimera/json.h"

namespace chimera {
namespace {

using Json = nlohmann::ordered_json;

Json DrafterFacts(const v1::DrafterInfo& drafter) {
  const std::string state = v1::DrafterState_Name(drafter.state());
  return {{"address", drafter.address()},
          {"state", absl::AsciiStrToLower(absl::StripPrefix(state, "DRAFTER_STATE_"))},
          {"name", drafter.name()},
          {"detail", drafter.detail()},
          {"other_weights", drafter.other_weights()},
          {"connects", drafter.connects()},
          {"drafts_used", drafter.drafts_used()},
          {"drafts_discarded", drafter.drafts_discarded()}};
}

// A section: its title, then a line for each of its facts that is not a list.
std::string FormatSection(const std::string& title, const Json& section) {
  std::string text = absl::StrCat(title, "\n");
  for (const auto& [name, value] : section.items()) {
    if (value.is_array()) continue;
    const std::string* string = value.get_ptr<const std::string*>();
    absl::StrAppendFormat(&text, "  %-22s%s\n", absl::StrReplaceAll(name, {{"_", " "}}),
                          string != nullptr ? *string : DumpJson(value));
  }
  return text;
}

}  // namespace

Json CollectFacts(const v1::GetModelInfoResponse& model, const v1::GetServerInfoResponse& server) {
  Json drafters = Json::array();
  for (const v1::DrafterInfo& drafter : server.drafters())
    drafters.push_back(DrafterFacts(drafter));
  return {{"model",
           {{"name", model.name()},
            {"numerics_id", model.numerics_id()},
            {"identity", model.fingerprint().identity()},
            {"weights", model.fingerprint().weights()},
            {"vocab_size", model.vocab_size()},
            {"context_length", model.context_length()},
            {"layer_count", model.layer_count()},
            {"hidden_size", model.hidden_size()},
            {"eos_token_id", model.eos_token_id()}}},
          {"server",
           {{"version", server.version()},
            {"max_running_requests", server.max_running_requests()},
            {"max_waiting_requests", server.max_waiting_requests()},
            {"running_requests", server.running_requests()},
            {"waiting_requests", server.waiting_requests()},
            {"kv_page_count", server.kv_page_count()},
            {"free_kv_page_count", server.free_kv_page_count()},
            {"draining", server.draining()},
            {"drafters", drafters}}}};
}

std::string FormatFacts(const Json& facts) {
  const Json& server = facts["server"];
  std::string text = FormatSection("Model", facts["model"]);
  absl::StrAppend(&text, "\n", FormatSection("Server", server));
  int number = 0;
  for (const Json& drafter : server["drafters"]) {
    absl::StrAppend(&text, "\n", FormatSection(absl::StrCat("Drafter ", ++number), drafter));
  }
  return text;
}

absl::Status RunInspect(const InspectConfig& config, const Terminal& terminal,
                        Cancellation* cancellation) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                           Connection::Open(config.address, cancellation));
  CHIMERA_ASSIGN_OR_RETURN(const auto model, connection->client().GetModelInfo());
  CHIMERA_ASSIGN_OR_RETURN(const auto server, connection->client().GetServerInfo());
  const Json facts = CollectFacts(model, server);
  terminal.Print(config.format == FactsFormat::kJson ? absl::StrCat(DumpJson(facts), "\n")
                                                     : FormatFacts(facts));
  return absl::OkStatus();
}

}  // namespace chimera
