#include "common/cpu/cpu_backend.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/backend/step_validation.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/ops/lane_sum.h"

namespace chimera {
namespace {

// Advances with every change of the arithmetic that replies depend on: common/ops, common/sampling,
// the generator and the functions of common/base that they use.
constexpr int kArithmeticVersion = 1;

// "cpu-q8_0+q4_1-1": the element types of all products and the arithmetic's version.
std::string NumericsId(const LlamaWeights& weights) {
  std::set<DataType> types = {weights.output.type};
  for (const LlamaLayerWeights& layer : weights.layers) {
    for (const TensorView* weight :
         {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.ffn_gate,
          &layer.ffn_up, &layer.ffn_down}) {
      types.insert(weight->type);
    }
  }
  const std::string names = absl::StrJoin(types, "+", [](std::string* out, DataType type) {
    absl::StrAppend(out, absl::AsciiStrToLower(DataTypeName(type)));
  });
  return absl::StrCat("cpu-", names, "-", kArithmeticVersion);
}

// Positions that can ever be asked for.
int64_t PositionLimit(const LlamaConfig& config, const BackendLimits& limits) {
  const int64_t pooled = int64_t{limits.page_count} * kPagePositions + TokenTree::kMaxDepth + 1;
  return std::min<int64_t>(config.context_length, pooled);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CpuBackend::Create(const LlamaConfig& config,
                                                            const LlamaWeights& weights,
                                                            const CpuBackendOptions& options) {
  CHIMERA_RETURN_IF_ERROR(ValidateBackendLimits(options.limits));
  if (config.head_dim % kSumLanes != 0) {
    return absl::UnimplementedError(absl::StrCat(
        "head_dim ", config.head_dim, ", must be a multiple of ", kSumLanes, " on the CPU"));
  }
  return std::unique_ptr<Backend>(new CpuBackend(config, weights, options));
}

CpuBackend::CpuBackend(const LlamaConfig& config, const LlamaWeights& weights,
                       const CpuBackendOptions& options)
    : config_(config),
      limits_(options.limits),
      numerics_id_(NumericsId(weights)),
      threads_(options.threads),
      weights_(weights, threads_.get()),
      cache_(config_, limits_),
      forward_(config_, weights_, GetCpuKernels(options.isa), PositionLimit(config_, limits_),
               threads_.get()),
      slot_trees_(limits_) {}

absl::Status CpuBackend::Submit(const StepBatch& batch) {
  CHIMERA_CHECK(!is_in_flight_) << "a step is in flight";
  CHIMERA_RETURN_IF_ERROR(ValidateStepBatch(batch, config_, limits_));
  StageStep(batch, &step_, &result_.first_row);
  is_in_flight_ = true;
  return absl::OkStatus();
}

absl::StatusOr<const StepResult*> CpuBackend::Wait() {
  if (!is_in_flight_) return absl::FailedPreconditionError("no step is in flight");
  forward_.Run(step_, &cache_, &result_);
  slot_trees_.Remember(step_.batch.sequences);
  is_in_flight_ = false;
  return &result_;
}

absl::Status CpuBackend::Commit(std::span<const CommitRequest> requests) {
  CHIMERA_CHECK(!is_in_flight_) << "a step is in flight";
  for (const CommitRequest& request : requests) {
    CHIMERA_RETURN_IF_ERROR(slot_trees_.ValidateCommit(request));
  }
  for (const CommitRequest& request : requests) {
    int32_t position = request.context_length;
    for (const int node : request.nodes) {
      cache_.CopyNodeToPage(request.slot, node, request.pages[position / kPagePositions],
                            position % kPagePositions);
      ++position;
    }
  }
  return absl::OkStatus();
}

std::vector<std::byte> CpuBackend::CopyPage(int32_t page) const {
  CHIMERA_CHECK(page >= 0 && page < limits_.page_count) << "page " << page;
  return cache_.CopyPage(page);
}

}  // namespace chimera
