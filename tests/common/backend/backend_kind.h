// The backends that the tests of this folder run on. They are linked into one test program per
// device, which says what it has.

#ifndef CHIMERA_TESTS_COMMON_BACKEND_BACKEND_KIND_H_
#define CHIMERA_TESTS_COMMON_BACKEND_BACKEND_KIND_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/base/check.h"
#include "common/model/llama_model.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {

struct BackendKind {
  std::string name;  // in the names of tests
  // Why this machine cannot run it; empty: it can.
  std::string unavailable = {};
  // An emulated device, or a sanitised build: tests make fewer rounds.
  bool is_slow = false;
  // It may refuse a model with FAILED_PRECONDITION: tests of that model are then skipped.
  bool may_refuse = false;
  std::function<absl::StatusOr<std::unique_ptr<Backend>>(const LlamaModel&, const BackendLimits&)>
      create;

  friend void PrintTo(const BackendKind& kind, std::ostream* stream) { *stream << kind.name; }
};

// Defined by the test program.
std::vector<BackendKind> BackendKinds();

inline constexpr BackendLimits kTinyLimits = {
    .page_count = 64, .slot_count = 4, .max_step_rows = 256};

// The base of tests that run on each kind, with a small model. Its heads are 64 wide, which all can
// compute.
class BackendTest : public ::testing::TestWithParam<BackendKind> {
 protected:
  explicit BackendTest(const TinyLlamaOptions& model) : model_(OpenTinyLlama(model)) {}

  void SetUp() override {
    if (!kind().unavailable.empty()) GTEST_SKIP() << kind().unavailable << ": it is NOT tested";
    if (!kind().may_refuse) return;
    // Whether it does depends on the layers, and on no limits that tests have.
    const absl::Status created = kind().create(*model_, kTinyLimits).status();
    if (absl::IsFailedPrecondition(created)) {
      GTEST_SKIP() << created.message() << ": it is NOT tested";
    }
  }

  const BackendKind& kind() const { return GetParam(); }

  // `rounds`, or `slow_rounds` where it is slow.
  int Rounds(int rounds, int slow_rounds) const { return kind().is_slow ? slow_rounds : rounds; }

  std::unique_ptr<Backend> MakeBackend(const LlamaModel& model,
                                       const BackendLimits& limits = kTinyLimits) const {
    absl::StatusOr<std::unique_ptr<Backend>> backend = kind().create(model, limits);
    CHIMERA_CHECK(backend.ok()) << backend.status();
    return *std::move(backend);
  }

  const std::unique_ptr<LlamaModel> model_;
};

inline std::string BackendKindName(const ::testing::TestParamInfo<BackendKind>& info) {
  return info.param.name;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_BACKEND_BACKEND_KIND_H_
