// What fails at run time costs a step, or the device, and nothing else: every call of a short
// sequence fails once, in every way.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_device.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::EmulatedFault;
using cuda::ScopedEmulatedComputer;

// Work runs as late as it may, so that what is overwritten too early shows, or at random times.
const std::optional<uint64_t> kSchedules[] = {std::nullopt, 5};

// What a step leaves.
struct Outcome {
  std::vector<int32_t> chosen;
  std::vector<float> logits;
  std::vector<uint16_t> hidden_states;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// A prompt, twice so that its launches are captured, a tree and its commit, and a last token: what
// has more rows, taps layers and wants logits comes later, so that buffers grow under way.
class ShortSequence {
 public:
  static constexpr int kCapture = 1;
  static constexpr int kCommit = 3;
  static constexpr int kParts = 5;

  ShortSequence()
      : model_(OpenTinyLlama({.layer_count = 1,
                              .hidden_size = 32,
                              .query_heads = 2,
                              .kv_heads = 1,
                              .head_dim = 64,
                              .ffn_size = 32,
                              .vocab_size = 272})),
        tree_(*TokenTree::Create(std::vector<int32_t>{7, 8, 9, 10, 11},
                                 std::vector<int32_t>{-1, 0, 0, 1, 3}, 272)) {}

  absl::StatusOr<std::unique_ptr<Backend>> MakeBackend() const {
    return CudaBackend::Create(model_->config(), model_->weights(),
                               {.limits = {.page_count = 4, .slot_count = 2, .max_step_rows = 16}});
  }

  // One row of another sequence.
  absl::Status RunNeighbour(Backend* backend, Outcome* outcome) const {
    return Step({.slot = 0, .pages = neighbour_pages_, .chunk = last_}, {}, backend, outcome);
  }

  // Runs one part; on success sets the outcome.
  absl::Status Run(int part, Backend* backend, Outcome* outcome) const {
    switch (part) {
      case 0:
      case 1:
        return Step({.slot = 1, .pages = pages_, .chunk = prompt_}, {}, backend, outcome);
      case 2:
        return Step({.slot = 1,
                     .pages = pages_,
                     .context_length = 3,
                     .tree = &tree_,
                     .sampling = {.temperature = 1.0f, .top_p = 0.9f, .seed = 4},
                     .outputs = {.logits = true, .hidden_states = true}},
                    taps_, backend, outcome);
      case kCommit: {
        const CommitRequest commit = {
            .slot = 1, .pages = pages_, .context_length = 3, .nodes = path_};
        return backend->Commit(std::span(&commit, 1));
      }
      default:
        return Step({.slot = 1, .pages = pages_, .context_length = 6, .chunk = last_}, {}, backend,
                    outcome);
    }
  }

 private:
  static absl::Status Step(const SequenceStep& sequence, std::span<const int32_t> taps,
                           Backend* backend, Outcome* outcome) {
    absl::Status submitted =
        backend->Submit({.sequences = std::span(&sequence, 1), .tapped_layers = taps});
    if (!submitted.ok()) return submitted;
    const absl::StatusOr<const StepResult*> result = backend->Wait();
    if (!result.ok()) return result.status();
    *outcome = {(*result)->chosen, (*result)->logits, (*result)->hidden_states};
    return absl::OkStatus();
  }

  const std::unique_ptr<LlamaModel> model_;
  const TokenTree tree_;
  const std::vector<int32_t> pages_ = PageTable(1, 2), neighbour_pages_ = PageTable(1, 1),
                             prompt_ = {1, 2, 3}, last_ = {12}, taps_ = {0, 1};
  const std::vector<int> path_ = {0, 1, 3};
};

class CudaBackendFaultsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    sequence_ = new ShortSequence;
    const ScopedEmulatedComputer computer;
    const std::unique_ptr<Backend> backend = *sequence_->MakeBackend();
    expected_ = new std::vector<Outcome>(ShortSequence::kParts);
    for (int part = 0; part < ShortSequence::kParts; ++part) {
      CHIMERA_EXPECT_OK(sequence_->Run(part, backend.get(), &(*expected_)[part]));
    }
    expected_neighbour_ = new Outcome;
    CHIMERA_EXPECT_OK(sequence_->RunNeighbour(backend.get(), expected_neighbour_));
    expected_pages_ = new std::vector<std::byte>(Pages(*backend));
  }

  // Those of both sequences.
  static std::vector<std::byte> Pages(const Backend& backend) {
    std::vector<std::byte> pages = backend.CopyPage(1);
    const std::vector<std::byte> second = backend.CopyPage(2);
    pages.insert(pages.end(), second.begin(), second.end());
    return pages;
  }

  static void TearDownTestSuite() {
    delete sequence_;
    delete expected_;
    delete expected_neighbour_;
    delete expected_pages_;
  }

  // Lets a call fail. Expects its code once, or no error if the call was part of a capture, which is
  // counted, and then the results that there are without a fault. Returns whether there were so many
  // calls.
  static bool Recovers(ScopedEmulatedComputer* computer, int number, EmulatedFault fault,
                       absl::StatusCode code, int* failed_captures) {
    const std::unique_ptr<Backend> backend = *sequence_->MakeBackend();
    computer->FailCall(number, fault);
    bool has_happened = false;
    for (int part = 0; part < ShortSequence::kParts; ++part) {
      Outcome outcome;
      absl::Status status = sequence_->Run(part, backend.get(), &outcome);
      if (!has_happened && computer->FaultsHaveHappened()) {
        has_happened = true;
        if (status.ok()) {
          EXPECT_EQ(part, ShortSequence::kCapture);
          ++*failed_captures;
        } else {
          EXPECT_EQ(status.code(), code) << status;
        }
        // Comes before the part once more, so that what the step has left is met by other tables.
        Outcome neighbour;
        CHIMERA_EXPECT_OK(sequence_->RunNeighbour(backend.get(), &neighbour));
        EXPECT_TRUE(neighbour == *expected_neighbour_) << "part " << part;
        if (!status.ok()) status = sequence_->Run(part, backend.get(), &outcome);
      }
      CHIMERA_EXPECT_OK(status);
      EXPECT_TRUE(outcome == (*expected_)[part]) << "part " << part;
    }
    // Else the call that fails is one of those that copy them.
    if (has_happened) {
      EXPECT_EQ(Pages(*backend), *expected_pages_);
    }
    return has_happened;
  }

  // Lets the device be lost by `fail`. Expects that all says so from then on.
  template <typename Fail>
  static bool IsLost(ScopedEmulatedComputer* computer, const Fail& fail) {
    const std::unique_ptr<Backend> backend = *sequence_->MakeBackend();
    fail(computer);
    Outcome outcome;
    bool is_lost = false;
    for (int part = 0; part < ShortSequence::kParts; ++part) {
      const absl::Status status = sequence_->Run(part, backend.get(), &outcome);
      is_lost |= !status.ok();
      if (part == ShortSequence::kCommit && is_lost && !cuda::IsDeviceLost(status)) {
        // There is no tree to commit.
        EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
        continue;
      }
      EXPECT_EQ(cuda::IsDeviceLost(status), is_lost) << "part " << part << ": " << status;
      EXPECT_EQ(absl::IsUnavailable(status), is_lost) << status;
    }
    return computer->FaultsHaveHappened();
  }

  // Calls `fails(computer, number)` for 1, 2, ... until nothing fails any more, which is after
  // `least_count` at the earliest.
  template <typename Fails>
  static void ForEachNumber(int least_count, const Fails& fails) {
    for (const std::optional<uint64_t>& schedule_seed : kSchedules) {
      // Some numbers, others than of the first schedule, for the second, and under a sanitizer.
      const int stride = kSanitized ? 7 : schedule_seed.has_value() ? 5 : 1;
      int number = schedule_seed.has_value() ? stride : 1;
      bool has_happened = true;
      while (has_happened) {
        SCOPED_TRACE(number);
        ScopedEmulatedComputer computer({.schedule_seed = schedule_seed});
        has_happened = fails(&computer, number);
        number += stride;
      }
      EXPECT_GT(number, least_count);
    }
  }

  static void ExpectRecovery(EmulatedFault fault, absl::StatusCode code) {
    int failed_captures = 0;
    ForEachNumber(60, [&](ScopedEmulatedComputer* computer, int number) {
      return Recovers(computer, number, fault, code, &failed_captures);
    });
    EXPECT_GT(failed_captures, 0);
  }

  static ShortSequence* sequence_;
  static std::vector<Outcome>* expected_;  // [kParts]
  static Outcome* expected_neighbour_;
  static std::vector<std::byte>* expected_pages_;  // in the end
};

ShortSequence* CudaBackendFaultsTest::sequence_ = nullptr;
std::vector<Outcome>* CudaBackendFaultsTest::expected_ = nullptr;
Outcome* CudaBackendFaultsTest::expected_neighbour_ = nullptr;
std::vector<std::byte>* CudaBackendFaultsTest::expected_pages_ = nullptr;

TEST_F(CudaBackendFaultsTest, ARefusedCallCostsAStepAtMost) {
  ExpectRecovery(EmulatedFault::kRefused, absl::StatusCode::kInternal);
}

TEST_F(CudaBackendFaultsTest, OutOfMemoryCostsAStepAtMost) {
  ExpectRecovery(EmulatedFault::kOutOfMemory, absl::StatusCode::kResourceExhausted);
}

TEST_F(CudaBackendFaultsTest, ADeviceLostInACallIsLostForAll) {
  ForEachNumber(60, [](ScopedEmulatedComputer* computer, int number) {
    return IsLost(computer, [number](ScopedEmulatedComputer* c) {
      c->FailCall(number, EmulatedFault::kDeviceLost);
    });
  });
}

TEST_F(CudaBackendFaultsTest, ADeviceLostByItsWorkIsLostForAll) {
  ForEachNumber(20, [](ScopedEmulatedComputer* computer, int number) {
    return IsLost(computer, [number](ScopedEmulatedComputer* c) { c->FailOperation(number); });
  });
}

// Memory for the states of all layers is there from the start, also where pages take what is left.
TEST_F(CudaBackendFaultsTest, AStepThatTapsAllLayersFitsWhereverTheBackendDoes) {
  const std::unique_ptr<LlamaModel> model = OpenTinyLlama({.head_dim = 64});
  const std::vector<int32_t> pages = PageTable(1), taps = {0, 1, 2}, chunk(16, 5);
  const SequenceStep step = {.pages = pages, .chunk = chunk, .outputs = {.hidden_states = true}};
  for (const int32_t page_count : {1, 0}) {
    const CudaBackendOptions options = {
        .limits = {.page_count = page_count, .slot_count = 1, .max_step_rows = 64},
        .most_pages = 1 << 20};
    bool fits = false;
    // From what is too little to start, by less than the states take.
    cuda::EmulatedComputer computer;
    size_t& bytes = computer.devices[0].total_memory_bytes;
    for (bytes = 128 << 10; !fits; bytes += 8 << 10) {
      ASSERT_LT(bytes, size_t{16} << 20);
      const ScopedEmulatedComputer scoped(computer);
      auto backend = CudaBackend::Create(model->config(), model->weights(), options);
      fits = backend.ok();
      if (!fits) continue;
      CHIMERA_EXPECT_OK(
          (*backend)->Submit({.sequences = std::span(&step, 1), .tapped_layers = taps}));
      CHIMERA_EXPECT_OK((*backend)->Wait().status());
    }
  }
}

}  // namespace
}  // namespace chimera::testing
