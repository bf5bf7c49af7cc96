#include "tools/chimera/chat.h"

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
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChatTest : public ::testing::Test {
 protected:
  ChatTest() { config_.server = address_; }

  // Runs a conversation and returns what was printed.
  absl::StatusOr<std::string> Run(const std::string& typed) {
    const testing::TestTerminal terminal(typed, &cancellation_);
    const absl::Status status = RunChat(config_, terminal.terminal(), &cancellation_);
    if (!status.ok()) return status;
    return terminal.output();
  }

  // The messages of a request as role:content.
  static std::vector<std::string> Messages(const v1::GenerateRequest& request) {
    std::vector<std::string> messages;
    for (const v1::ChatMessage& message : request.messages().messages()) {
      messages.push_back(absl::StrCat(message.role(), ":", message.content()));
    }
    return messages;
  }

  testing::TestFiles files_;
  const Address address_{.unix_path = files_.Path("s")};
  Cancellation cancellation_;
  testing::FakeGenerationService service_;
  testing::FakeServer server_{address_, &service_};
  ChatConfig config_;
};

TEST_F(ChatTest, RemembersTheConversation) {
  config_.system = "be kind";
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::string output, Run("one\n\n  two  \n"));
  EXPECT_EQ(output, "You said one\nYou said two\n");
  const auto requests = service_.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(Messages(requests[0]), ElementsAre("system:be kind", "user:one"));
  EXPECT_THAT(Messages(requests[1]),
              ElementsAre("system:be kind", "user:one", "assistant:You said one", "user:two"));
}

TEST_F(ChatTest, ResetForgetsAndExitEnds) {
  CHIMERA_ASSERT_OK(Run("one\n/reset\ntwo\n/exit\nthree\n").status());
  const auto requests = service_.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(Messages(requests[1]), ElementsAre("user:two"));
}

TEST_F(ChatTest, AFailureEndsAConversationThatNobodyWatches) {
  service_.SetScript([](const testing::FakeCall&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full");
  });
  EXPECT_THAT(Run("one\ntwo\n"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("queue")));
  EXPECT_EQ(service_.requests().size(), 1u);
}

}  // namespace
}  // namespace chimera
