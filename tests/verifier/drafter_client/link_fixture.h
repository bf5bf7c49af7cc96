// What the tests of DrafterLink have in common.

#ifndef CHIMERA_TESTS_VERIFIER_DRAFTER_CLIENT_LINK_FIXTURE_H_
#define CHIMERA_TESTS_VERIFIER_DRAFTER_CLIENT_LINK_FIXTURE_H_

#include <grpc/grpc.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics/verifier_metrics.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "tests/testing/eventually.h"
#include "tests/testing/temp_directory.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"
#include "verifier/drafter_client/drafter_link.h"

namespace chimera::testing {

using State = DraftSourceStatus::State;

// An update that asks for a draft.
inline DraftUpdate Ask(int64_t sequence_id) {
  return {.sequence_id = sequence_id, .epoch = 1, .node_budget = 8, .max_depth = 4};
}

// A link to a drafter on a Unix socket. Tests start and stop either side when they like.
class LinkTest : public ::testing::Test {
 protected:
  // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
  static void SetUpTestSuite() { grpc_init(); }

  static DrafterLinkConfig Config() {
    return {.address = "test",
            .target = TestTarget(),
            .backoff = {.shortest = std::chrono::milliseconds(5),
                        .longest = std::chrono::milliseconds(20)}};
  }

  void StartDrafter(Script script) {
    drafter_ = std::make_unique<ScriptedDrafter>(address_, std::move(script));
  }

  void StartLink(DrafterLinkConfig config = Config()) {
    link_ = std::make_unique<DrafterLink>(
        std::move(config), [this] { return CreateChannel(address_); }, metrics_.links[0]);
  }

  // Waits for a session other than `old_id`. Returns its id, or 0 after a long time.
  int64_t WaitForSession(int64_t old_id = 0) {
    int64_t id = 0;
    Eventually([&] {
      const std::optional<DraftSession> session = link_->Session();
      id = session.has_value() && session->id != old_id ? session->id : 0;
      return id != 0;
    });
    return id;
  }

  bool WaitForState(State state) {
    return Eventually([&] { return link_->Status().state == state; });
  }

  // Waits until a stream failed for a reason that has `text` in it.
  bool WaitForFailure(const std::string& text) {
    return Eventually([&] { return link_->Status().detail.find(text) != std::string::npos; });
  }

  // Sends a step that asks for one draft. Returns its number, 0 if it was not sent.
  int64_t SendStep(int64_t session_id) {
    const DraftUpdate update = Ask(1);
    return link_->Send(session_id, {&update, 1}, {}).step;
  }

  std::optional<std::vector<Draft>> Wait(int64_t step) {
    return link_->WaitReply(step, std::chrono::steady_clock::now() + kEventuallyTimeout);
  }

  const TempDirectory directory_;
  const Address address_ =
      ParseListenAddress("unix:" + directory_.path() + "/drafter.sock").value();
  prometheus::Registry registry_;
  VerifierMetrics metrics_{&registry_, {.drafters = {"test"}}};
  std::unique_ptr<ScriptedDrafter> drafter_;
  std::unique_ptr<DrafterLink> link_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_DRAFTER_CLIENT_LINK_FIXTURE_H_
