// Services that have nothing to do leave the machine to others.

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/model/default_model_path.h"
#include "common/model/llama_model.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/raw_drafter_stream.h"
#include "tests/e2e/load_client.h"
#include "tests/e2e/service_process.h"

namespace chimera::testing {
namespace {

using Clock = std::chrono::steady_clock;

class IdleLongTest : public ::testing::Test {
 protected:
  // Before the services start, which inherit it: they get the first two cores that we may use.
  static void UseTwoCores() {
    cpu_set_t usable;
    ASSERT_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
    cpu_set_t two;
    CPU_ZERO(&two);
    for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&two) < 2; ++core) {
      if (CPU_ISSET(core, &usable)) CPU_SET(core, &two);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof(two), &two), 0);
  }

  void Start() {
    drafter_ = std::make_unique<ServiceProcess>(CHIMERA_DRAFTER_BINARY,
                                                std::vector<std::string>{"--model", model_path_});
    verifier_ = std::make_unique<ServiceProcess>(
        CHIMERA_VERIFIER_BINARY, std::vector<std::string>{"--model", model_path_, "--drafter",
                                                          drafter_->address().ToString()});
    const auto stub = verifier_->NewStub();
    ASSERT_TRUE(WaitForDrafter(stub.get()));
    // Every thread has worked once.
    LoadClient client({verifier_->NewChannel()});
    std::mt19937 random(1);
    for (int i = 0; i < 8; ++i) {
      client.Start(RandomRequest({.min_prompt = 32,
                                  .max_prompt = 64,
                                  .min_tokens = 16,
                                  .max_tokens = 32,
                                  .first_token_id = 100,
                                  .last_token_id = 40000},
                                 &random));
    }
    client.WaitForCalls(0);
    ASSERT_TRUE(WaitUntilIdle(stub.get()));
  }

  const std::string model_path_ = chimera::DefaultModelPath();
  std::unique_ptr<ServiceProcess> drafter_;
  std::unique_ptr<ServiceProcess> verifier_;
};

TEST_F(IdleLongTest, IdleServicesUseUnderOnePercentOfACore) {
  Start();
  constexpr std::chrono::seconds kTime(20);
  const double verifier = verifier_->Stats().cpu_seconds;
  const double drafter = drafter_->Stats().cpu_seconds;
  std::this_thread::sleep_for(kTime);  // the time that is measured
  const double verifier_share = (verifier_->Stats().cpu_seconds - verifier) / kTime.count();
  const double drafter_share = (drafter_->Stats().cpu_seconds - drafter) / kTime.count();
  std::cout << "idle verifier " << verifier_share * 100 << " % of a core, drafter "
            << drafter_share * 100 << " %" << std::endl;
  EXPECT_LT(verifier_share, 0.01);
  EXPECT_LT(drafter_share, 0.01);
}

// Drafts of 8 sequences that repeat themselves, one step after the other, as another verifier would
// ask for them.
class DraftLoop {
 public:
  DraftLoop(const ServiceProcess& drafter, const LlamaModel& model)
      : stream_(drafter.NewChannel()) {
    const LlamaConfig& config = model.config();
    EXPECT_TRUE(stream_
                    .Exchange(MakeHello({.fingerprint = model.fingerprint(),
                                         .hidden_size = config.hidden_size,
                                         .layer_count = config.layer_count,
                                         .vocab_size = config.vocab_size}))
                    .has_value());
  }

  // The median time of a step's drafts, of `count` steps.
  double Run(int count) {
    std::vector<double> seconds;
    for (int i = 0; i < count; ++i) {
      const v1::DraftRequest request = MakeNext();
      const auto start = Clock::now();
      const std::optional<v1::DraftResponse> response = stream_.Exchange(request);
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      if (!response.has_value()) {
        ADD_FAILURE() << "the stream has ended";
        break;
      }
    }
    return Percentile(seconds, 0.5);
  }

 private:
  static constexpr int kSequences = 8;
  static constexpr int32_t kPrompt = 200;

  // Begins with prompts, and goes on by a token at a time.
  v1::DraftRequest MakeNext() {
    std::vector<v1::SequenceUpdate> updates;
    const int32_t length = step_ == 0 ? kPrompt : 1;
    for (int id = 1; id <= kSequences; ++id) {
      std::vector<int32_t> tokens;
      tokens.reserve(length);
      for (int32_t i = 0; i < length; ++i) tokens.push_back(1000 + (position_ + i) % (30 + id));
      updates.push_back(step_ == 0 ? MakeFirstUpdate(id, 1, 0, tokens)
                                   : MakeUpdate(id, 1, position_, tokens));
      updates.back().set_node_budget(8);
      updates.back().set_max_depth(5);
    }
    position_ += length;
    return MakeStep(++step_, updates);
  }

  RawDrafterStream stream_;
  int64_t step_ = 0;
  int32_t position_ = 0;
};

// "Alone" is beside a verifier that is stopped: the system runs none of its threads, as if it were
// not there. So the two can alternate quickly, and other work on the machine weighs on both alike.
TEST_F(IdleLongTest, DraftingBesideAnIdleVerifierIsAsFastAsAlone) {
  UseTwoCores();
  Start();
  const std::unique_ptr<LlamaModel> model = LlamaModel::Open(model_path_).value();
  DraftLoop loop(*drafter_, *model);
  constexpr int kPairs = 30;
  constexpr int kSteps = 100;
  loop.Run(kSteps);
  std::vector<double> alone;
  std::vector<double> beside;
  for (int pair = 0; pair < kPairs; ++pair) {
    kill(verifier_->pid(), SIGSTOP);
    loop.Run(10);
    alone.push_back(loop.Run(kSteps));
    kill(verifier_->pid(), SIGCONT);
    loop.Run(10);
    beside.push_back(loop.Run(kSteps));
  }
  const double alone_median = Percentile(alone, 0.5);
  const double beside_median = Percentile(beside, 0.5);
  std::cout << "a step's drafts: " << alone_median * 1e6 << " us alone, " << beside_median * 1e6
            << " us beside an idle verifier, ratio " << beside_median / alone_median << std::endl;
  EXPECT_LE(beside_median, 1.1 * alone_median);
}

}  // namespace
}  // namespace chimera::testing
