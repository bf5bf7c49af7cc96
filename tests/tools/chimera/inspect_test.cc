#include "tools/chimera/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/fake_server.h"
#include "tests/tools/chimera/test_files.h"
#include "tests/tools/chimera/test_terminal.h"

namespace chimera {
namespace {

using ::testing::HasSubstr;

class InspectTest : public ::testing::Test {
 protected:
  InspectTest() { config_.address = address_; }

  std::string Run() {
    CHIMERA_EXPECT_OK(RunInspect(config_, terminal_.terminal(), &cancellation_));
    return terminal_.output();
  }

  testing::TestFiles files_;
  const Address address_{.unix_path = files_.Path("s")};
  Cancellation cancellation_;
  testing::TestTerminal terminal_{"", &cancellation_};
  testing::FakeGenerationService service_;
  testing::FakeServer server_{address_, &service_};
  InspectConfig config_;
};

TEST_F(InspectTest, PrintsAlignedText) {
  const std::string output = Run();
  EXPECT_THAT(output, HasSubstr("Model\n"
                                "  name                  Fake-1B\n"
                                "  numerics id           fake-1\n"));
  EXPECT_THAT(output, HasSubstr("  context length        2048\n"));
  EXPECT_THAT(output, HasSubstr("\nServer\n"
                                "  version               0.1.0\n"
                                "  max running requests  8\n"));
  EXPECT_THAT(output, HasSubstr("\nDrafter 1\n"
                                "  address               unix:/run/drafter.sock\n"
                                "  state                 ready\n"
                                "  name                  ngram\n"));
}

TEST_F(InspectTest, PrintsJson) {
  config_.format = FactsFormat::kJson;
  const auto facts = nlohmann::json::parse(Run());
  EXPECT_EQ(facts["model"]["name"], "Fake-1B");
  EXPECT_EQ(facts["model"]["vocab_size"], 100);
  EXPECT_EQ(facts["model"]["identity"], "aa11");
  EXPECT_EQ(facts["server"]["draining"], false);
  EXPECT_EQ(facts["server"]["drafters"][0]["state"], "ready");
}

}  // namespace
}  // namespace chimera
