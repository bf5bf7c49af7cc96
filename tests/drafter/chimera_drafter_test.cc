// The binary: its command line, and its life from start to SIGTERM.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/model/llama_model.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/raw_drafter_stream.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"

extern char** environ;

namespace chimera {
namespace {

using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A run of chimera-drafter, killed if it is still running at the end.
class DrafterProcess {
 public:
  explicit DrafterProcess(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), CHIMERA_DRAFTER_BINARY);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, OutPath().c_str(), kFlags, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, ErrorPath().c_str(), kFlags, 0600);
    CHIMERA_CHECK(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0)
        << "cannot run " << argv[0];
    posix_spawn_file_actions_destroy(&actions);
  }
  ~DrafterProcess() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    Wait();
  }

  void Terminate() { kill(pid_, SIGTERM); }

  // Waits for its end; its exit code, or -1 if a signal ended it.
  int Wait() {
    int status = 0;
    CHIMERA_CHECK(waitpid(pid_, &status, 0) == pid_) << "no such child";
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string Output() const { return Read(OutPath()); }
  std::string Errors() const { return Read(ErrorPath()); }

 private:
  std::string OutPath() const { return directory_.path() + "/out"; }
  std::string ErrorPath() const { return directory_.path() + "/error"; }

  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const testing::TempDirectory directory_;
  pid_t pid_ = 0;
};

class ChimeraDrafterTest : public ::testing::Test {
 protected:
  ChimeraDrafterTest() : model_path_(directory_.path() + "/tiny.gguf") {
    testing::WriteTinyLlama(model_path_, {});
  }

  const testing::TempDirectory directory_;
  const std::string model_path_;
};

TEST_F(ChimeraDrafterTest, ServesUntilSigterm) {
  const std::string socket = "unix:" + directory_.path() + "/d.sock";
  DrafterProcess drafter({"--model", model_path_, "--listen", socket + ",127.0.0.1:0"});
  ASSERT_TRUE(Eventually([&] { return drafter.Output().find("127.0.0.1:") != std::string::npos; }))
      << drafter.Errors();
  const std::string output = drafter.Output();
  EXPECT_THAT(output, StartsWith("chimera-drafter listening on " + socket + "\n" +
                                 "chimera-drafter listening on 127.0.0.1:"));

  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(model_path_));
  const TargetInfo target = {.fingerprint = model->fingerprint(),
                             .hidden_size = model->config().hidden_size,
                             .layer_count = model->config().layer_count,
                             .vocab_size = model->config().vocab_size};
  const std::string tcp = output.substr(output.rfind(' ') + 1);
  for (const std::string& address : {socket, tcp.substr(0, tcp.find('\n'))}) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Address parsed, ParseDialAddress(address));
    testing::RawDrafterStream stream(CreateChannel(parsed));
    const auto ready = stream.Exchange(testing::MakeHello(target));
    ASSERT_TRUE(ready.has_value()) << address << ": " << stream.Finish();
    EXPECT_EQ(ready->ready().name(), "ngram");
  }

  drafter.Terminate();
  EXPECT_EQ(drafter.Wait(), 0);
  EXPECT_EQ(drafter.Output(), output);
  EXPECT_THAT(drafter.Errors(), HasSubstr("stopped"));
}

TEST_F(ChimeraDrafterTest, SaysWhatIsWrongWithTheCommandLine) {
  const struct {
    std::vector<std::string> arguments;
    const char* error;
  } kCases[] = {
      {{"--max_sequences=0"}, "--max_sequences is 0, must be in [1, 65536]"},
      {{"--draft_model=gpt"}, "must be one of: ngram"},
      {{"--listen="}, "--listen is empty"},
      {{"--listen=unix:relative"}, "relative"},
      {{"--shutdown_timeout=-1s"}, "--shutdown_timeout is -1s"},
      {{"--log_level=loud"}, "loud"},
      {{"--no_such_flag"}, "no_such_flag"},
      {{"stray"}, "stray"},
      {{"--model=/none/model.gguf", "--listen=127.0.0.1:0"}, "/none/model.gguf"},
      {{"--listen=unix:/none/d.sock", "--model=" + model_path_}, "/none"},
  };
  for (const auto& [arguments, error] : kCases) {
    DrafterProcess drafter(arguments);
    EXPECT_GT(drafter.Wait(), 0) << arguments.front();
    EXPECT_THAT(drafter.Errors(), HasSubstr(error));
    EXPECT_EQ(drafter.Output(), "");
  }
}

TEST_F(ChimeraDrafterTest, ExplainsItself) {
  DrafterProcess version({"--version"});
  version.Wait();
  EXPECT_THAT(version.Output(), StartsWith("chimera "));
  DrafterProcess help({"--help"});
  help.Wait();
  EXPECT_THAT(help.Output(), HasSubstr("--max_sequences"));
}

}  // namespace
}  // namespace chimera
