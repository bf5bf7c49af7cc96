#include "tools/cpu_bench/cpu_bench.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/backend/backend.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_backend.h"
#include "common/cpu/cpu_isa.h"
#include "common/model/llama_model.h"
#include "common/tree/token_tree.h"
#include "tools/cpu_bench/int8_peak.h"
#include "tools/cpu_bench/isa_loops.h"
#include "tools/cpu_bench/read_bandwidth.h"

namespace chimera {
namespace {

absl::Status ValidateContext(int32_t context, const LlamaConfig& model) {
  const int32_t most = model.context_length - TokenTree::kMaxDepth - 1;
  if (context <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--context is ", context, ", must be at most ",
                                                 most, " with this model of ", model.context_length,
                                                 " positions"));
}

int32_t FirstToken(const Vocabulary& vocabulary) {
  return std::max(vocabulary.bos_id >= 0 ? vocabulary.bos_id : vocabulary.eos_id, 0);
}

absl::Status MeasureBackend(const LlamaModel& model, const CpuBenchConfig& config, CpuIsa isa,
                            const std::shared_ptr<ThreadPool>& threads, const Timing& timing,
                            CpuBenchResult* result) {
  const int32_t positions = std::max(config.context, kMaxBenchStepRows);
  const CpuBackendOptions options = {
      .threads = threads,
      .limits = {.page_count = (positions + kPagePositions - 1) / kPagePositions,
                 .slot_count = 1,
                 .max_step_rows = kMaxBenchStepRows},
      .isa = isa};
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend,
                           CpuBackend::Create(model.config(), model.weights(), options));
  result->numerics_id = backend->numerics_id();
  result->steps = MeasureSteps(backend.get(), config.context, timing);
  result->noise =
      MeasureNoise(backend.get(), FirstToken(model.vocabulary()), config.context, timing);
  result->prefill = MeasurePrefill(backend.get(), timing);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CpuBenchResult> RunCpuBench(const CpuBenchConfig& config, const Clock& clock) {
  CHIMERA_ASSIGN_OR_RETURN(const CpuIsa isa, ChooseCpuIsaFromEnvironment());
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<LlamaModel> model,
                           LlamaModel::Open(config.model_path));
  CHIMERA_RETURN_IF_ERROR(ValidateContext(config.context, model->config()));

  const Timing timing = {&clock, config.repetitions};
  CpuBenchResult result;
  result.model_name = model->name();
  result.isa = std::string(CpuIsaName(isa));
  result.thread_count = config.thread_count;
  result.context = config.context;
  result.repetitions = config.repetitions;
  CHIMERA_ASSIGN_OR_RETURN(const std::shared_ptr<ThreadPool> threads,
                           ThreadPool::Create(config.thread_count));
  // The backend comes first, for it refuses what the kernels cannot run.
  CHIMERA_RETURN_IF_ERROR(MeasureBackend(*model, config, isa, threads, timing, &result));
  ThreadPool* const pool = threads.get();
  const IsaLoops& loops = GetIsaLoops(isa);
  result.read_bandwidth = MeasureReadBandwidth(loops, pool, timing);
  result.int8_peak = MeasureInt8Peak(loops, pool, timing);
  result.gemm = MeasureGemm(*model, isa, pool, timing);
  result.attention = MeasureAttention(model->config(), isa, pool, timing);
  return result;
}

}  // namespace chimera
