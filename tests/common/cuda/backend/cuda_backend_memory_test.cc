// How the CUDA backend starts where it cannot: no such device, too little memory, calls that fail.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_device.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::EmulatedComputer;
using cuda::EmulatedFault;
using cuda::ScopedEmulatedComputer;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class CudaBackendMemoryTest : public ::testing::Test {
 protected:
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const CudaBackendOptions& options) {
    static const LlamaModel& model = *OpenTinyLlama({.head_dim = 64}).release();
    return CudaBackend::Create(model.config(), model.weights(), options);
  }

  static EmulatedComputer WithMemory(size_t device_bytes, size_t pinned_bytes = size_t{1} << 30) {
    EmulatedComputer computer = {.pinned_memory_bytes = pinned_bytes};
    computer.devices[0].total_memory_bytes = device_bytes;
    return computer;
  }

  static CudaBackendOptions Options() {
    return {.limits = {.page_count = 64, .slot_count = 2, .max_step_rows = 100}};
  }
};

TEST_F(CudaBackendMemoryTest, DevicesThatThereAreNot) {
  CudaBackendOptions options = Options();
  {
    const ScopedEmulatedComputer computer({.has_driver = false});
    EXPECT_THAT(Create(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("no CUDA driver is installed")));
  }
  {
    const ScopedEmulatedComputer computer({.devices = {}});
    EXPECT_THAT(Create(options),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no CUDA device")));
  }
  options.device = 3;
  EXPECT_THAT(Create(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("CUDA device number 3, must be in [0, 1)")));
}

TEST_F(CudaBackendMemoryTest, LimitsThatNoDeviceHas) {
  CudaBackendOptions options = Options();
  options.limits.page_count = 1 << 27;
  EXPECT_THAT(Create(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("page_count 134217728 and 8 pages")));
  options = Options();
  options.limits.max_step_rows = 1 << 30;
  EXPECT_THAT(Create(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("max_step_rows 1073741824, must be at most")));
}

// Whatever there is too little memory for, the error says for what, how much it takes and how much
// there is.
TEST_F(CudaBackendMemoryTest, ErrorsNameWhatDoesNotFit) {
  std::set<std::string> reasons;
  bool fits = false;
  for (size_t bytes = 64 << 10; !fits && bytes < size_t{1} << 30; bytes += bytes / 16) {
    const ScopedEmulatedComputer computer(WithMemory(bytes));
    const auto backend = Create(Options());
    fits = backend.ok();
    if (fits) break;
    EXPECT_THAT(backend, StatusIs(absl::StatusCode::kResourceExhausted,
                                  AllOf(HasSubstr("no memory for "), HasSubstr("free"))));
    const std::string message(backend.status().message());
    reasons.insert(message.substr(0, message.find(':')));
  }
  EXPECT_TRUE(fits);
  EXPECT_THAT(reasons,
              ::testing::ElementsAre("no memory for keys and values of 64 pages of 16 positions "
                                     "and of trees of 2 sequences",
                                     "no memory for steps of 100 rows",
                                     "no memory for weights of 0 MiB in bf16"));
}

TEST_F(CudaBackendMemoryTest, PinnedMemoryThatIsTooSmallIsNamed) {
  const ScopedEmulatedComputer computer(WithMemory(size_t{1} << 30, 12 << 20));
  EXPECT_THAT(Create(Options()), StatusIs(absl::StatusCode::kResourceExhausted,
                                          HasSubstr("in bf16: out of pinned host memory: ")));
}

TEST_F(CudaBackendMemoryTest, PagesTakeTheMemoryThatIsLeft) {
  CudaBackendOptions options = Options();
  options.limits.page_count = 0;
  options.most_pages = 1 << 20;
  int32_t last = 0;
  for (const size_t bytes : {size_t{64} << 20, size_t{256} << 20}) {
    const ScopedEmulatedComputer computer(WithMemory(bytes));
    CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Backend> backend, Create(options));
    EXPECT_GT(backend->limits().page_count, last);
    last = backend->limits().page_count;
  }
  EXPECT_LT(last, options.most_pages);
  options.most_pages = 10;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Backend> backend, Create(options));
  EXPECT_EQ(backend->limits().page_count, 10);
}

TEST_F(CudaBackendMemoryTest, NoPageIsLeft) {
  CudaBackendOptions options = Options();
  options.limits.page_count = 0;
  options.most_pages = 1 << 20;
  bool seen = false;
  for (size_t bytes = 1 << 20; !seen && bytes < size_t{1} << 26; bytes += bytes / 64) {
    const ScopedEmulatedComputer computer(WithMemory(bytes));
    const auto backend = Create(options);
    ASSERT_FALSE(backend.ok()) << "a page fits before too few do";
    seen = backend.status().message().find("are left for keys and values: too few") !=
           absl::string_view::npos;
  }
  EXPECT_TRUE(seen);
}

// Each call of a start fails once, in every way: the error comes back and nothing is left behind,
// which the computer's destruction checks.
TEST_F(CudaBackendMemoryTest, EveryCallMayFail) {
  const auto model = OpenTinyLlama({.layer_count = 1,
                                    .hidden_size = 32,
                                    .query_heads = 1,
                                    .kv_heads = 1,
                                    .head_dim = 64,
                                    .ffn_size = 32,
                                    .vocab_size = 259});
  for (const Numerics numerics : {Numerics::kStrict, Numerics::kPinned}) {
    CudaBackendOptions options = Options();
    options.numerics = numerics;
    options.limits.page_count = 0;
    options.most_pages = 4;
    // The self-test of pinned numerics takes long.
    const int stride = (numerics == Numerics::kPinned ? 7 : 1) * (kSanitized ? 3 : 1);
    for (const auto& [fault, code] :
         {std::pair(EmulatedFault::kDeviceLost, absl::StatusCode::kUnavailable),
          std::pair(EmulatedFault::kOutOfMemory, absl::StatusCode::kResourceExhausted),
          std::pair(EmulatedFault::kRefused, absl::StatusCode::kInternal)}) {
      int number = 1;
      for (bool has_happened = true; has_happened; number += stride) {
        ScopedEmulatedComputer computer;
        computer.FailCall(number, fault);
        const absl::Status status =
            CudaBackend::Create(model->config(), model->weights(), options).status();
        has_happened = computer.FaultsHaveHappened();
        EXPECT_EQ(status.code(), has_happened ? code : absl::StatusCode::kOk) << number;
        EXPECT_EQ(cuda::IsDeviceLost(status), has_happened && fault == EmulatedFault::kDeviceLost)
            << number;
      }
      EXPECT_GT(number, 50);
    }
  }
}

TEST_F(CudaBackendMemoryTest, PinnedNumericsAreRefusedWhereRowsDependOnTheBatch) {
  CudaBackendOptions options = Options();
  options.numerics = Numerics::kPinned;
  for (const auto fault : {cuda::EmulatedBlasFault::kRowCount, cuda::EmulatedBlasFault::kPlace}) {
    const ScopedEmulatedComputer computer({.blas_fault = fault});
    EXPECT_THAT(Create(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("rows depend on the batch")));
    CHIMERA_EXPECT_OK(Create(Options()).status());
  }
}

// Those of the output head are fewer.
TEST_F(CudaBackendMemoryTest, PinnedNumericsAreTestedWithTheRowsOfTheLargestStep) {
  const ScopedEmulatedComputer computer({.blas_fault = cuda::EmulatedBlasFault::kManyRows});
  CudaBackendOptions options = Options();
  options.numerics = Numerics::kPinned;
  options.limits.max_step_rows = 256;
  CHIMERA_EXPECT_OK(Create(options).status());
  options.limits.max_step_rows = 257;
  EXPECT_THAT(Create(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(" of 320 ")));
}

TEST_F(CudaBackendMemoryTest, NumericsIdsNameTheArithmetic) {
  CudaBackendOptions options = Options();
  CHIMERA_ASSERT_OK_AND_ASSIGN(std::unique_ptr<Backend> backend, Create(options));
  EXPECT_EQ(backend->numerics_id(), "cuda-strict-bf16-sm80-1");
  // What the library computes is in a hash, and so are the shapes that it computes them for.
  options.numerics = Numerics::kPinned;
  CHIMERA_ASSERT_OK_AND_ASSIGN(backend, Create(options));
  const std::string pinned = backend->numerics_id();
  EXPECT_THAT(pinned, ContainsRegex("^cuda-pinned-bf16-sm80-1-[0-9a-f]{16}$"));
  CHIMERA_ASSERT_OK_AND_ASSIGN(backend, Create(options));
  EXPECT_EQ(backend->numerics_id(), pinned);
  const auto other = OpenTinyLlama({.head_dim = 64, .ffn_size = 128});
  CHIMERA_ASSERT_OK_AND_ASSIGN(backend,
                               CudaBackend::Create(other->config(), other->weights(), options));
  EXPECT_THAT(backend->numerics_id(), ContainsRegex("^cuda-pinned-bf16-sm80-1-[0-9a-f]{16}$"));
  EXPECT_NE(backend->numerics_id(), pinned);
}

}  // namespace
}  // namespace chimera::testing
