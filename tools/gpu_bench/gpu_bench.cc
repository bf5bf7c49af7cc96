#include "tools/gpu_bench/gpu_bench.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/blas_handle.h"
#include "common/tree/token_tree.h"
#include "tools/gpu_bench/bench_model.h"

namespace chimera {
namespace {

using OnProgress = absl::FunctionRef<void(const std::string& next)>;

constexpr int kAttentionRows[] = {1, TokenTree::kMaxNodes};

absl::Status MeasureKernels(const GpuBenchConfig& config, const KernelBench& bench,
                            cuda::BlasHandle* blas, OnProgress on_progress, ModelTimes* model) {
  const LlamaConfig& shape = model->shape.config;
  if (config.sections.gemm) {
    for (const LinearShape& linear : LinearShapes(shape)) {
      on_progress(absl::StrCat(model->shape.name, ": ", linear.name));
      CHIMERA_ASSIGN_OR_RETURN(GemmShapeTimes times, MeasureGemm(linear, config.rows, bench, blas));
      model->gemm.push_back(std::move(times));
    }
  }
  if (!config.sections.attention) return absl::OkStatus();
  for (const int context : config.contexts) {
    on_progress(absl::StrCat(model->shape.name, ": attention over ", context, " positions"));
    for (const int rows : kAttentionRows) {
      CHIMERA_ASSIGN_OR_RETURN(AttentionTime time, MeasureAttention(shape, context, rows, bench));
      model->attention.push_back(std::move(time));
    }
  }
  return absl::OkStatus();
}

absl::Status MeasureModel(const GpuBenchConfig& config, const Clock& clock, OnProgress on_progress,
                          ModelTimes* times) {
  on_progress(absl::StrCat(times->shape.name, ": loading"));
  absl::StatusOr<BenchModel> model = BenchModel::Create(times->shape.config, config);
  if (absl::IsResourceExhausted(model.status()) || absl::IsInvalidArgument(model.status()) ||
      absl::IsFailedPrecondition(model.status())) {
    times->skipped = std::string(model.status().message());
    return absl::OkStatus();
  }
  CHIMERA_RETURN_IF_ERROR(model.status());
  times->numerics_id = model->numerics_id();
  if (config.sections.step) {
    on_progress(absl::StrCat(times->shape.name, ": steps"));
    CHIMERA_ASSIGN_OR_RETURN(times->steps, MeasureSteps(config, clock, &*model));
  }
  if (config.sections.decode) {
    on_progress(absl::StrCat(times->shape.name, ": decoding"));
    CHIMERA_ASSIGN_OR_RETURN(times->decoding, MeasureDecoding(config, clock, &*model));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsLossless(const GpuBenchResult& result) {
  return std::ranges::all_of(result.models, [](const ModelTimes& model) {
    return !model.decoding.has_value() ||
           std::ranges::all_of(model.decoding->trees, &TreeDecoding::is_identical);
  });
}

absl::Status RunGpuBench(const GpuBenchConfig& config, const Clock& clock, OnProgress on_progress,
                         GpuBenchResult* result) {
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(config.device));
  CHIMERA_ASSIGN_OR_RETURN(result->device, cuda::GetDeviceInfo(config.device));
  result->repetitions = config.repetitions;
  CHIMERA_ASSIGN_OR_RETURN(cuda::BlasHandle blas, cuda::BlasHandle::Create());
  result->blas = blas.description();
  CHIMERA_ASSIGN_OR_RETURN(DeviceTimer timer, DeviceTimer::Create());
  CHIMERA_ASSIGN_OR_RETURN(result->read,
                           MeasureReadBandwidth(result->device, config.repetitions, &timer));
  if (config.sections.copy) {
    on_progress("copies");
    CHIMERA_ASSIGN_OR_RETURN(result->copies,
                             MeasureCopies(result->device, config.repetitions, &timer));
  }
  if (config.sections.launch) {
    on_progress("launches");
    CHIMERA_ASSIGN_OR_RETURN(result->launches, MeasureLaunches(result->device, config.launches,
                                                               config.repetitions, &timer));
  }
  for (const ModelShape& shape : config.models) result->models.push_back({.shape = shape});
  const KernelBench bench = {result->device, config.repetitions, config.launches, &timer};
  for (ModelTimes& model : result->models) {
    CHIMERA_RETURN_IF_ERROR(MeasureKernels(config, bench, &blas, on_progress, &model));
  }
  if (config.sections.draft) {
    for (ModelTimes& model : result->models) {
      on_progress(absl::StrCat(model.shape.name, ": drafting"));
      CHIMERA_ASSIGN_OR_RETURN(model.drafting, MeasureDrafting(model.shape.config, config, clock));
    }
  }
  if (config.sections.step || config.sections.decode) {
    for (ModelTimes& model : result->models) {
      CHIMERA_RETURN_IF_ERROR(MeasureModel(config, clock, on_progress, &model));
    }
  }
  return absl::OkStatus();
}

}  // namespace chimera
