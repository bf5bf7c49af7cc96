// Faults of drafters and links, each a few times and with a tiny model; drafter_faults_long_test.cc
// goes on where this ends.

#include "tests/e2e/drafter_faults.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

using std::chrono::milliseconds;

class DrafterFaultsTest : public DrafterFaults {
 protected:
  void SetUp() override {
    const std::string path = directory_.path() + "/tiny.gguf";
    WriteTinyLlama(path, {});
    MakeGolden({.model_path = path, .streams = 8});
  }
};

TEST_F(DrafterFaultsTest, Killed) { KillDrafter(10); }

TEST_F(DrafterFaultsTest, StandsStill) { PauseDrafter(1, milliseconds(0)); }

TEST_F(DrafterFaultsTest, FarAway) { DelayLink(milliseconds(60)); }

TEST_F(DrafterFaultsTest, Hostile) { SendHostileDrafts(10'000); }

}  // namespace
}  // namespace chimera::testing
