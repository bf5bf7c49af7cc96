#include "tools/chimera/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/fake_server.h"
#include "tests/tools/chimera/test_files.h"
#include "tests/tools/chimera/test_terminal.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() {
    config_.server = address_;
    config_.prompt = "hello";
  }

  absl::Status Run() { return RunGenerate(config_, terminal_.terminal(), &cancellation_); }

  testing::TestFiles files_;
  const Address address_{.unix_path = files_.Path("s")};
  Cancellation cancellation_;
  testing::TestTerminal terminal_{"typed\nin", &cancellation_};
  testing::FakeGenerationService service_;
  testing::FakeServer server_{address_, &service_};
  GenerateConfig config_;
};

TEST_F(GenerateTest, PrintsTextAndFigures) {
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(terminal_.output(), "You said hello\n");
  EXPECT_THAT(terminal_.errors(),
              MatchesRegex("3 tokens, stop, [0-9.]+ tokens/s, 2.00 tokens per step, seed 77\n"));
}

TEST_F(GenerateTest, PrintsIds) {
  config_.output = ReplyOutput::kIds;
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(terminal_.output(), "1 2 3\n");
}

TEST_F(GenerateTest, PrintsTextAndIds) {
  config_.output = ReplyOutput::kTextAndIds;
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(terminal_.output(), "You said hello\n1 2 3\n");
}

TEST_F(GenerateTest, SendsAConversation) {
  config_.system = "be brief";
  config_.speculation = v1::SPECULATION_MODE_OFF;
  config_.request.sampling.set_seed(5);
  config_.request.stop.set_max_tokens(9);
  CHIMERA_ASSERT_OK(Run());
  const v1::GenerateRequest request = service_.requests().at(0);
  ASSERT_EQ(request.messages().messages_size(), 2);
  EXPECT_EQ(request.messages().messages(0).role(), "system");
  EXPECT_EQ(request.messages().messages(0).content(), "be brief");
  EXPECT_EQ(request.messages().messages(1).role(), "user");
  EXPECT_EQ(request.messages().messages(1).content(), "hello");
  EXPECT_EQ(request.speculation().mode(), v1::SPECULATION_MODE_OFF);
  EXPECT_EQ(request.sampling().seed(), 5u);
  EXPECT_EQ(request.stop().max_tokens(), 9);
}

TEST_F(GenerateTest, SendsRawTextFromStandardInput) {
  config_.form = PromptForm::kRaw;
  config_.prompt = std::nullopt;
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(service_.requests().at(0).text(), "typed\nin");
}

TEST_F(GenerateTest, AFailureKeepsWhatCameBeforeIt) {
  service_.SetScript([](const testing::FakeCall& call) {
    call.SendChunk({1}, "Once");
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
  });
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_EQ(terminal_.output(), "Once\n");
  EXPECT_EQ(terminal_.errors(), "");
}

TEST_F(GenerateTest, OutputThatCannotBeWrittenEndsTheReply) {
  service_.SetScript([](const testing::FakeCall& call) {
    while (call.SendChunk({1}, "a")) {
    }
    return grpc::Status::CANCELLED;
  });
  std::FILE* full = std::fopen("/dev/full", "w");
  const Terminal terminal({terminal_.terminal().input_fd(), full, full}, &cancellation_);
  EXPECT_THAT(RunGenerate(config_, terminal, &cancellation_),
              StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  std::fclose(full);
}

}  // namespace
}  // namespace chimera
