// The binary: its command line, and its life from start to SIGTERM.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/model/llama_model.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "drafter/drafter_server.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/raw_drafter_stream.h"
#include "tests/testing/child_process.h"
#include "tests/testing/eventually.h"
#include "tests/testing/missing_gpu.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::testing::AllOf;
using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DrafterProcess : public testing::ChildProcess {
 public:
  explicit DrafterProcess(std::vector<std::string> arguments)
      : ChildProcess(CHIMERA_DRAFTER_BINARY, std::move(arguments)) {}
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
  DrafterProcess drafter({"--model", model_path_, "--listen", socket + ",127.0.0.1:0",
                          "--metrics_listen=127.0.0.1:0"});
  ASSERT_TRUE(Eventually([&] { return drafter.Output().find("127.0.0.1:") != std::string::npos; }))
      << drafter.Errors();
  const std::string output = drafter.Output();
  EXPECT_THAT(output, StartsWith("chimera-drafter listening on " + socket + "\n" +
                                 "chimera-drafter listening on 127.0.0.1:"));

  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(model_path_));
  const std::string tcp = output.substr(output.rfind(' ') + 1);
  for (const std::string& address : {socket, tcp.substr(0, tcp.find('\n'))}) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Address parsed, ParseDialAddress(address));
    testing::RawDrafterStream stream(CreateChannel(parsed));
    const auto ready = stream.Exchange(testing::MakeHello(MakeTargetInfo(*model)));
    ASSERT_TRUE(ready.has_value()) << address << ": " << stream.Finish();
    EXPECT_EQ(ready->ready().name(), "ngram");
  }

  drafter.Terminate();
  EXPECT_EQ(drafter.Wait(), 0);
  EXPECT_EQ(drafter.Output(), output);
  EXPECT_THAT(drafter.Errors(),
              AllOf(HasSubstr("serving metrics address=127.0.0.1:"), HasSubstr("stopped")));
}

TEST_F(ChimeraDrafterTest, FindsTheDrafterBesideItsModel) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(model_path_));
  const testing::TinyDrafterOptions options = {.target = model->fingerprint()};
  testing::BuildTinyDrafter(options).Write(directory_.path() + "/tiny.drafter.safetensors");
  const std::string socket = "unix:" + directory_.path() + "/d.sock";
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Address address, ParseDialAddress(socket));
  for (const bool ngram : {false, true}) {
    std::vector<std::string> arguments = {"--model", model_path_, "--listen", socket,
                                          "--metrics_listen="};
    if (ngram) arguments.push_back("--draft_model=ngram");
    DrafterProcess drafter(arguments);
    ASSERT_TRUE(Eventually([&] { return !drafter.Output().empty(); })) << drafter.Errors();
    testing::RawDrafterStream stream(CreateChannel(address));
    const auto ready = stream.Exchange(testing::MakeHello(MakeTargetInfo(*model)));
    ASSERT_TRUE(ready.has_value()) << stream.Finish();
    EXPECT_EQ(ready->ready().name() == "ngram", ngram);
  }
}

TEST_F(ChimeraDrafterTest, SaysWhatIsWrongWithTheCommandLine) {
  const struct {
    std::vector<std::string> arguments;
    const char* error;
  } cases[] = {
      {{"--max_sequences=0"}, "--max_sequences is 0, must be in [1, 65536]"},
      {{"--max-sequences=0"}, "--max_sequences is 0, must be in [1, 65536]"},
      {{"--draft_model=gpt"}, "must be auto, ngram or the name of a .safetensors file"},
      {{"--tree_shape=4,x"}, "--tree_shape is \"4,x\", must be positive numbers"},
      {{"--tree_shape=4,2", "--listen=127.0.0.1:0", "--metrics_listen=", "--model=" + model_path_},
       "--tree_shape is for trained drafters"},
      {{"--device=cuda:x", "--listen=127.0.0.1:0", "--metrics_listen=", "--model=" + model_path_},
       "device \"cuda:x\", must be \"cpu\" or \"cuda:N\""},
      {{"--device=cuda:-1", "--listen=127.0.0.1:0", "--metrics_listen=", "--model=" + model_path_},
       "device \"cuda:-1\", must be \"cpu\" or \"cuda:N\""},
      {{"--listen="}, "--listen is empty"},
      {{"--listen=unix:relative"}, "relative"},
      {{"--metrics_listen=9465"}, "--metrics_listen is \"9465\", must be a host name or IPv4"},
      {{"--metrics_listen=[::1]:9465"}, "--metrics_listen is \"[::1]:9465\""},
      {{"--shutdown_timeout=-1s"}, "--shutdown_timeout is -1s"},
      {{"--log_level=loud"}, "loud"},
      {{"--no_such_flag"}, "no_such_flag"},
      {{"stray"}, "stray"},
      {{"--model=/none/model.gguf", "--listen=127.0.0.1:0"}, "/none/model.gguf"},
      {{"--listen=unix:/none/d.sock", "--metrics_listen=", "--model=" + model_path_}, "/none"},
      {{"--listen=127.0.0.1:0", "--metrics_listen=192.0.2.1:0", "--model=" + model_path_},
       "--metrics_listen: cannot serve metrics on 192.0.2.1:0: "},
  };
  for (const auto& [arguments, error] : cases) {
    DrafterProcess drafter(arguments);
    EXPECT_GT(drafter.Wait(), 0) << arguments.front();
    EXPECT_THAT(drafter.Errors(), HasSubstr(error));
    EXPECT_EQ(drafter.Output(), "");
  }
}

// N-grams need no device.
TEST_F(ChimeraDrafterTest, SaysThatThereIsNoGpu) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(model_path_));
  const std::string path = directory_.path() + "/trained.safetensors";
  testing::BuildTinyDrafter({.target = model->fingerprint(), .type = DataType::kBf16}).Write(path);
  testing::ExpectSaysThatThereIsNoGpu(CHIMERA_DRAFTER_BINARY,
                                      {"--model=" + model_path_, "--draft_model=" + path});
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
