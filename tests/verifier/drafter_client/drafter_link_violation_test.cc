// What a drafter must not do, and what it costs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/testing/eventually.h"
#include "tests/verifier/drafter_client/link_fixture.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"
#include "verifier/drafter_client/drafter_link.h"

namespace chimera {
namespace {

using ::chimera::testing::AfterHandshake;
using ::chimera::testing::AnswerSteps;
using ::chimera::testing::DraftStream;
using ::chimera::testing::Eventually;
using ::chimera::testing::ReadOn;
using ::chimera::testing::ReplyTo;
using ::chimera::testing::Script;
using ::chimera::testing::ValidReady;

// A message after the handshake, or in place of it.
struct Violation {
  std::string detail;
  bool after_handshake;
  std::function<void(const v1::StepRequest& step, DraftStream& stream)> act;
};

void PrintTo(const Violation& violation, std::ostream* stream) { *stream << violation.detail; }

class ViolationTest : public testing::LinkTest, public ::testing::WithParamInterface<Violation> {};

TEST_P(ViolationTest, EndsTheSessionAndNothingElse) {
  const Script break_rules = [](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    GetParam().act(request.step(), stream);
    return ReadOn(stream);
  };
  StartDrafter(GetParam().after_handshake ? AfterHandshake(ValidReady(), break_rules)
                                          : break_rules);
  StartLink();
  if (GetParam().after_handshake) {
    const int64_t step = SendStep(WaitForSession());
    ASSERT_GT(step, 0);
    EXPECT_FALSE(Wait(step).has_value());
  }
  EXPECT_TRUE(WaitForFailure(GetParam().detail)) << link_->Status().detail;
  EXPECT_TRUE(Eventually([&] { return drafter_->streams() >= 2; }));

  drafter_.reset();
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  ASSERT_TRUE(Eventually([&] {
    const int64_t session = WaitForSession();
    const int64_t step = SendStep(session);
    return step != 0 && Wait(step).has_value();
  }));
}

v1::DraftResponse Reply(const v1::StepRequest& step,
                        const std::function<void(v1::StepReply&)>& change) {
  v1::DraftResponse response = ReplyTo(step);
  change(*response.mutable_reply());
  return response;
}

INSTANTIATE_TEST_SUITE_P(
    All, ViolationTest,
    ::testing::Values(
        Violation{"first message is no Ready", false,
                  [](auto& step, auto& stream) { stream.Write(ReplyTo(step)); }},
        Violation{"first message is no Ready", false,
                  [](auto&, auto& stream) { stream.Write(v1::DraftResponse()); }},
        Violation{"no reply", true, [](auto&, auto& stream) { stream.Write(ValidReady()); }},
        Violation{"no reply", true, [](auto&, auto& stream) { stream.Write(v1::DraftResponse()); }},
        Violation{"reply to step 2 while 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) { reply.set_step(2); }));
                  }},
        Violation{"reply to step 0 while 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) { reply.set_step(0); }));
                  }},
        Violation{"asked for 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) {
                      reply.add_drafts()->set_outcome(v1::DRAFT_OUTCOME_DRAFTED);
                    }));
                  }},
        Violation{"asked for 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) { reply.clear_drafts(); }));
                  }},
        Violation{"reply with 1000 drafts", true, [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) {
                      for (int i = 1; i < 1000; ++i) reply.add_drafts();
                    }));
                  }}));

class DrafterLinkViolationTest : public testing::LinkTest {};

TEST_F(DrafterLinkViolationTest, ASecondReplyToAStepEndsTheSession) {
  StartDrafter(AfterHandshake(ValidReady(), [](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    stream.Write(ReplyTo(request.step()));
    stream.Write(ReplyTo(request.step()));
    return ReadOn(stream);
  }));
  StartLink();
  ASSERT_GT(SendStep(WaitForSession()), 0);
  EXPECT_TRUE(WaitForFailure("reply to step 1 while none"));
}

}  // namespace
}  // namespace chimera
