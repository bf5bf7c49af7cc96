// Whichever of the two services starts or ends first, and whatever the other one is doing: replies
// are golden, and what gets SIGTERM exits with 0.

#include "tests/e2e/service_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace chimera::testing {
namespace {

using enum ServiceEvent;

struct OrderCase {
  const char* name;
  std::vector<ServiceEvent> events;  // then what is left of the two ends in good order
};

const OrderCase kOrders[] = {
    {"VerifierFirst", {kStartVerifier, kAsk, kStartDrafter, kMeet, kRead, kAsk, kRead}},
    {"DrafterFirst", {kStartDrafter, kStartVerifier, kMeet, kAsk, kRead}},
    {"NeverTogether",
     {kStartVerifier, kAsk, kRead, kTerminateVerifier, kAwaitVerifier, kStartDrafter,
      kTerminateDrafter, kAwaitDrafter, kStartVerifier, kAsk, kRead}},
    {"DrafterEndsFirst",
     {kStartDrafter, kStartVerifier, kMeet, kAsk, kTerminateDrafter, kAwaitDrafter, kRead, kAsk,
      kRead}},
    {"VerifierEndsFirst",
     {kStartVerifier, kStartDrafter, kMeet, kAsk, kTerminateVerifier, kRead, kAwaitVerifier,
      kStartVerifier, kMeet, kAsk, kRead}},
    {"DrafterRestartsWhileVerifierDrains",
     {kStartDrafter, kStartVerifier, kMeet, kAsk, kTerminateVerifier, kTerminateDrafter,
      kAwaitDrafter, kStartDrafter, kRead, kAwaitVerifier}},
    {"DrafterDiesWhileVerifierDrains",
     {kStartDrafter, kStartVerifier, kMeet, kAsk, kTerminateVerifier, kKillDrafter, kRead,
      kAwaitVerifier}},
    {"VerifierEndsWhileADraftIsDue",
     {kStartDrafter, kStartVerifier, kMeet, kPauseDrafter, kAsk, kTerminateVerifier, kRead,
      kAwaitVerifier, kResumeDrafter, kStartVerifier, kMeet, kAsk, kRead}},
    {"VerifierDiesWhileADraftIsDue",
     {kStartDrafter, kStartVerifier, kMeet, kPauseDrafter, kAsk, kKillVerifier, kResumeDrafter,
      kStartVerifier, kMeet, kAsk, kRead}},
    {"DrafterEndsWhileADraftIsDue",
     {kStartDrafter, kStartVerifier, kMeet, kPauseDrafter, kAsk, kTerminateDrafter, kResumeDrafter,
      kAwaitDrafter, kRead}},
    {"BothAtOnceVerifierFirst",
     {kStartDrafter, kStartVerifier, kMeet, kAsk, kTerminateVerifier, kTerminateDrafter,
      kAwaitDrafter, kRead, kAwaitVerifier}},
    {"BothAtOnceDrafterFirst",
     {kStartDrafter, kStartVerifier, kMeet, kAsk, kTerminateDrafter, kTerminateVerifier, kRead,
      kAwaitVerifier, kAwaitDrafter}},
};

class ServiceOrderTest : public ServiceOrder, public ::testing::WithParamInterface<OrderCase> {};

TEST_P(ServiceOrderTest, IsSurvived) {
  for (const ServiceEvent event : GetParam().events) Play(event);
  PlayEnd();
}

INSTANTIATE_TEST_SUITE_P(Orders, ServiceOrderTest, ::testing::ValuesIn(kOrders),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace chimera::testing
