#include "common/rpc/service_flags.h"

#include <cstdio>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"

namespace chimera {
namespace {

template <typename Parser>
absl::StatusOr<std::vector<Address>> ParseAll(const std::vector<std::string>& texts, Parser parse) {
  std::vector<Address> addresses;
  for (const std::string& text : texts) {
    CHIMERA_ASSIGN_OR_RETURN(Address address, parse(text));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

// absl::flags knows names with underscores only.
void DashesToUnderscores(char* argument) {
  if (argument[0] != '-' || argument[1] != '-') return;
  for (char* c = argument + 2; *c != '\0' && *c != '='; ++c) {
    if (*c == '-') *c = '_';
  }
}

}  // namespace

absl::Status ParseCommandLine(int argc, char** argv, const std::string& usage) {
  for (int i = 1; i < argc; ++i) DashesToUnderscores(argv[i]);
  absl::SetProgramUsageMessage(usage);
  absl::FlagsUsageConfig config;
  config.version_string = [] { return absl::StrCat("chimera ", kVersion, "\n"); };
  // --help shows the flags of the binary's own flags.cc.
  config.contains_help_flags = [](absl::string_view file) {
    return file.find("/flags.cc") != absl::string_view::npos;
  };
  absl::SetFlagsUsageConfig(config);
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  if (arguments.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument ", arguments[1]));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Address>> ParseListenAddresses(const std::vector<std::string>& texts) {
  return ParseAll(texts, ParseListenAddress);
}

absl::StatusOr<std::vector<Address>> ParseDialAddresses(const std::vector<std::string>& texts) {
  return ParseAll(texts, ParseDialAddress);
}

void PrintListening(const std::string& program, const std::vector<Address>& addresses) {
  for (const Address& address : addresses) {
    std::printf("%s listening on %s\n", program.c_str(), address.ToString().c_str());
  }
  std::fflush(stdout);
}

}  // namespace chimera
