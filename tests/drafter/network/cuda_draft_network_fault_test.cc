// What happens when the device fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cuda/draft_network/cuda_draft_network.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_device.h"
#include "tests/drafter/network/draft_network_fixture.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

using cuda::EmulatedFault;
using cuda::ScopedEmulatedComputer;
using ::testing::AllOf;
using ::testing::HasSubstr;

class CudaDraftNetworkFaultTest : public DraftNetworkFixture {
 protected:
  CudaDraftNetworkFaultTest() { Open({.type = DataType::kBf16}); }

  absl::StatusOr<std::unique_ptr<DraftNetwork>> Make(int device = 0) {
    return CudaDraftNetwork::Create(model(),
                                    {.device = device, .max_contexts = 2, .threads = &threads_});
  }

  // Encodes a context and drafts a level. Its logits, or the first error.
  absl::StatusOr<std::vector<float>> Draft(DraftNetwork* network, DraftContext* context) {
    DraftContext* const contexts[] = {context};
    CHIMERA_RETURN_IF_ERROR(network->EncodeContexts(contexts));
    CHIMERA_RETURN_IF_ERROR(network->StartTrees(contexts).status());
    const DraftNode node = {0, -1, 7};
    CHIMERA_ASSIGN_OR_RETURN(const DraftLogits logits, network->ExtendTrees({&node, 1}));
    const std::span<const float> row = logits.row(0);
    return std::vector<float>(row.begin(), row.end());
  }

  ThreadPool threads_{1};
};

TEST_F(CudaDraftNetworkFaultTest, AnyCallMayFailAtLoad) {
  int number = 0;
  for (bool has_happened = true; has_happened;) {
    ScopedEmulatedComputer computer;
    computer.FailCall(++number, EmulatedFault::kOutOfMemory);
    const absl::Status status = Make().status();
    has_happened = computer.FaultsHaveHappened();
    EXPECT_EQ(status.code(),
              has_happened ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kOk)
        << number << " " << status;
  }
  EXPECT_GT(number, 50);
}

TEST_F(CudaDraftNetworkFaultTest, TooManyContextsForTheDevice) {
  cuda::EmulatedComputer small;
  small.devices[0].total_memory_bytes = size_t{16} << 20;
  const ScopedEmulatedComputer computer(small);
  EXPECT_THAT(CudaDraftNetwork::Create(model(), {.max_contexts = 1 << 14, .threads = &threads_}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("tiny drafter"), HasSubstr("16384 sequences"))));
}

TEST_F(CudaDraftNetworkFaultTest, NoSuchDevice) {
  const ScopedEmulatedComputer computer;
  EXPECT_THAT(Make(7), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("7")));
}

TEST_F(CudaDraftNetworkFaultTest, SizesThatKernelsCannotTake) {
  const ScopedEmulatedComputer computer;
  const auto make_with = [&](void (*change)(DraftNetworkConfig*)) {
    DraftNetworkConfig config = model().config;
    change(&config);
    const DraftNetworkModel changed = {
        .config = config, .weights = file_->weights(), .embedding = embedding_};
    return CudaDraftNetwork::Create(changed, {.max_contexts = 1, .threads = &threads_}).status();
  };
  const auto is_unimplemented = [](const char* message) {
    return StatusIs(absl::StatusCode::kUnimplemented, HasSubstr(message));
  };
  EXPECT_THAT(make_with([](DraftNetworkConfig* config) { config->hidden_size = 8224; }),
              is_unimplemented("hidden_size 8224, must be at most 8192"));
  EXPECT_THAT(make_with([](DraftNetworkConfig* config) { config->head_dim = 1040; }),
              is_unimplemented("head_dim 1040, must be at most 1024"));
  EXPECT_THAT(make_with([](DraftNetworkConfig* config) {
                config->query_head_count = 512;
                config->head_dim = 1024;
              }),
              is_unimplemented("query_size 524288, must be at most 262144"));
}

// Every call fails once (some under a sanitizer) of a draft that is the first, of one that captures
// graphs, which may fail without harm, and of one that finds them captured; the next draft succeeds.
TEST_F(CudaDraftNetworkFaultTest, ACallMayFailAndTheNextDraftSucceeds) {
  const Sequence sequence = RandomSequence(0, 9);
  constexpr int kDraftsBeforeCapture = 1;
  int failed_captures = 0;
  for (const int drafts_before : {0, kDraftsBeforeCapture, 2}) {
    int number = 1;
    for (bool has_happened = true; has_happened; number += kSanitized ? 5 : 1) {
      SCOPED_TRACE(number);
      ScopedEmulatedComputer computer;
      CHIMERA_ASSERT_OK_AND_ASSIGN(const auto network, Make());
      for (int i = 0; i < drafts_before; ++i) {
        CHIMERA_ASSERT_OK(Draft(network.get(), MakeContext(sequence, network.get()).get()));
      }
      computer.FailCall(number, EmulatedFault::kOutOfMemory);
      const auto drafted = Draft(network.get(), MakeContext(sequence, network.get()).get());
      has_happened = computer.FaultsHaveHappened();
      if (!has_happened) {
        CHIMERA_EXPECT_OK(drafted);
        continue;
      }
      CHIMERA_ASSERT_OK_AND_ASSIGN(
          const auto next, Draft(network.get(), MakeContext(sequence, network.get()).get()));
      if (drafted.ok()) {
        EXPECT_EQ(drafts_before, kDraftsBeforeCapture);
        EXPECT_EQ(*drafted, next);
        ++failed_captures;
      } else {
        EXPECT_EQ(drafted.status().code(), absl::StatusCode::kResourceExhausted)
            << drafted.status();
      }
    }
    EXPECT_GT(number, 10);
  }
  EXPECT_GT(failed_captures, 0);
}

TEST_F(CudaDraftNetworkFaultTest, ALostDeviceStaysLost) {
  const Sequence sequence = RandomSequence(0, 9);
  for (const int number : {1, 2, 3, 5, 8, 11}) {
    ScopedEmulatedComputer computer;
    const auto network = Make();
    CHIMERA_ASSERT_OK(network);
    computer.FailOperation(number);
    for (int i = 0; i < 2; ++i) {
      const absl::Status status =
          Draft(network->get(), MakeContext(sequence, network->get()).get()).status();
      EXPECT_TRUE(cuda::IsDeviceLost(status)) << number << " " << status;
    }
  }
}

}  // namespace
}  // namespace chimera::testing
