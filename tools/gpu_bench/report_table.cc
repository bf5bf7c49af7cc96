#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/gpu_bench/figures.h"
#include "tools/gpu_bench/report.h"

namespace chimera {
namespace {

// Half of the distance of the quartiles, in percent of the median.
double SpreadPercent(const TimeSpread& seconds) {
  return 50 * (seconds.upper_quartile - seconds.lower_quartile) / seconds.median;
}

void AppendTransfer(absl::string_view name, const TransferTime& transfer, std::string* text) {
  absl::StrAppendFormat(text, "%-22s %9.1f GB/s  +-%.1f %%   %d MiB\n", name,
                        1e-9 * transfer.bytes_per_second(), SpreadPercent(transfer.seconds),
                        transfer.bytes >> 20);
}

void AppendLaunch(absl::string_view name, const TimeSpread& seconds, std::string* text) {
  absl::StrAppendFormat(text, "%-22s %9.2f us    +-%.1f %%\n", name, 1e6 * seconds.median,
                        SpreadPercent(seconds));
}

void AppendDevice(const GpuBenchResult& result, std::string* text) {
  const cuda::DeviceInfo& device = result.device;
  absl::StrAppendFormat(
      text, "%s, compute capability %d.%d, %d multiprocessors, %d MiB, %s\nmedian of %d\n\n",
      device.name, device.compute_capability_major, device.compute_capability_minor,
      device.multiprocessor_count, device.total_memory_bytes >> 20, result.blas,
      result.repetitions);
  AppendTransfer("read bandwidth", result.read, text);
  if (result.copies.has_value()) {
    AppendTransfer("copy within the device", result.copies->within, text);
    AppendTransfer("copy to the device", result.copies->to_device, text);
    AppendTransfer("copy to the host", result.copies->to_host, text);
  }
  if (result.launches.has_value()) {
    AppendLaunch("launch", result.launches->single, text);
    AppendLaunch("launch in a graph", result.launches->graph, text);
    if (result.launches->overlapping_graph.has_value()) {
      AppendLaunch("the same, overlapping", *result.launches->overlapping_graph, text);
    }
  }
}

void AppendGemm(const GpuBenchResult& result, const GemmShapeTimes& gemm, std::string* text) {
  absl::StrAppendFormat(text, "\n%s: %d x [%d, %d]\n", gemm.shape.name, gemm.shape.count,
                        gemm.shape.output_size, gemm.shape.input_size);
  if (!gemm.skipped.empty()) {
    absl::StrAppend(text, "  skipped: ", gemm.skipped, "\n");
    return;
  }
  absl::StrAppend(text,
                  "  rows   own: us  +- %     GB/s  of bandw.  TFLOP/s   cuBLASLt: us  +- %     "
                  "GB/s  speed ratio\n");
  for (const GemmTimes& time : gemm.times) {
    const int64_t bytes = gemm.shape.weight_bytes();
    const ReadRate own = RateOf(result, bytes, time.own.median);
    const ReadRate blas = RateOf(result, bytes, time.blas.median);
    absl::StrAppendFormat(text, "%6d %9.1f %5.1f %8.0f %8.1f %% %8.1f %14.1f %5.1f %8.0f %12.2f\n",
                          time.rows, 1e6 * time.own.median, SpreadPercent(time.own),
                          1e-9 * own.bytes_per_second, 100 * own.bandwidth_share,
                          1e-12 * FlopsPerSecond(gemm.shape, time.rows, time.own.median),
                          1e6 * time.blas.median, SpreadPercent(time.blas),
                          1e-9 * blas.bytes_per_second, SpeedRatio(time));
  }
}

void AppendAttention(const GpuBenchResult& result, const ModelTimes& model, std::string* text) {
  if (model.attention.empty()) return;
  absl::StrAppend(text,
                  "\nattention of a layer\n"
                  "context  rows        us  +- %     GB/s  of bandw.\n");
  for (const AttentionTime& time : model.attention) {
    absl::StrAppendFormat(text, "%7d %5d ", time.context, time.rows);
    if (!time.skipped.empty()) {
      absl::StrAppend(text, "skipped: ", time.skipped, "\n");
      continue;
    }
    const ReadRate rate = RateOf(result, time.kv_bytes, time.seconds.median);
    absl::StrAppendFormat(text, "%9.1f %5.1f %8.0f %8.1f %%\n", 1e6 * time.seconds.median,
                          SpreadPercent(time.seconds), 1e-9 * rate.bytes_per_second,
                          100 * rate.bandwidth_share);
  }
}

void AppendSteps(const GpuBenchResult& result, const LlamaConfig& config, const StepTimes& times,
                 std::string* text) {
  absl::StrAppendFormat(text,
                        "\nstep after %d positions\n"
                        "  rows        ms  +- %%     GB/s  of bandw.  to one row\n",
                        times.context);
  for (const StepTime& step : times.steps) {
    const ReadRate rate = RateOf(result, StepBytes(config, times.context), step.seconds.median);
    absl::StrAppendFormat(text, "%6d %9.3f %5.1f %8.0f %8.1f %% %9.3f x\n", step.rows,
                          1e3 * step.seconds.median, SpreadPercent(step.seconds),
                          1e-9 * rate.bytes_per_second, 100 * rate.bandwidth_share,
                          step.seconds.median / times.steps[0].seconds.median);
  }
  const StepTime& prefill = times.prefill;
  absl::StrAppendFormat(text, "prefill of %d tokens  %.1f ms +- %.1f %%, %.0f tokens/s\n",
                        prefill.rows, 1e3 * prefill.seconds.median, SpreadPercent(prefill.seconds),
                        prefill.rows / prefill.seconds.median);
}

void AppendDecoding(const GpuBenchResult& result, const LlamaConfig& config,
                    const DecodeTimes& times, std::string* text) {
  const ReadRate rate =
      RateOf(result, StepBytes(config, times.context), times.plain_seconds.median / times.tokens);
  absl::StrAppendFormat(text,
                        "\ndecoding of %d tokens after %d, drafting not included\n"
                        "plain            %8.1f tokens/s +- %.1f %%, %.1f %% of the bandwidth, "
                        "target at least %.0f %%\n",
                        times.tokens, times.context, TokensPerSecond(times, times.plain_seconds),
                        SpreadPercent(times.plain_seconds), 100 * rate.bandwidth_share,
                        100 * kPlainShareTarget);
  for (const TreeDecoding& tree : times.trees) {
    absl::StrAppendFormat(text,
                          "acceptance %.2f  %8.1f tokens/s +- %.1f %%, %.2f tokens a step, %.2f x "
                          "plain, tokens %s\n",
                          tree.acceptance, TokensPerSecond(times, tree.seconds),
                          SpreadPercent(tree.seconds),
                          static_cast<double>(times.tokens) / tree.steps,
                          times.plain_seconds.median / tree.seconds.median,
                          tree.is_identical ? "identical" : "DIFFERENT");
  }
}

void AppendDrafting(const GpuBenchResult& result, const DraftTimes& times, std::string* text) {
  absl::StrAppendFormat(text, "\ndrafting after %d positions: %.2f GB of weights a level\n",
                        times.context, 1e-9 * static_cast<double>(times.level_weight_bytes));
  if (!times.skipped.empty()) {
    absl::StrAppend(text, "  skipped: ", times.skipped, "\n");
    return;
  }
  absl::StrAppendFormat(text,
                        "  rows        ms  +- %%     GB/s  of bandw.\n"
                        "  root %9.3f %5.1f\n",
                        1e3 * times.root_seconds.median, SpreadPercent(times.root_seconds));
  for (const DraftLevelTime& level : times.levels) {
    const ReadRate rate = RateOf(result, times.level_weight_bytes, level.seconds.median);
    absl::StrAppendFormat(text, "%6d %9.3f %5.1f %8.0f %8.1f %%\n", level.rows,
                          1e3 * level.seconds.median, SpreadPercent(level.seconds),
                          1e-9 * rate.bytes_per_second, 100 * rate.bandwidth_share);
  }
}

void AppendModel(const GpuBenchResult& result, const ModelTimes& model, std::string* text) {
  const LlamaConfig& config = model.shape.config;
  absl::StrAppendFormat(text, "\n== %s: %.2f GB of weights a step\n", model.shape.name,
                        1e-9 * static_cast<double>(StepWeightBytes(config)));
  for (const GemmShapeTimes& gemm : model.gemm) AppendGemm(result, gemm, text);
  AppendAttention(result, model, text);
  if (!model.skipped.empty()) absl::StrAppend(text, "\nsteps skipped: ", model.skipped, "\n");
  if (!model.numerics_id.empty()) absl::StrAppend(text, "\n", model.numerics_id, "\n");
  if (model.steps.has_value()) AppendSteps(result, config, *model.steps, text);
  if (model.decoding.has_value()) AppendDecoding(result, config, *model.decoding, text);
  if (model.drafting.has_value()) AppendDrafting(result, *model.drafting, text);
}

}  // namespace

std::string ReportTable(const GpuBenchResult& result) {
  std::string text;
  AppendDevice(result, &text);
  for (const ModelTimes& model : result.models) AppendModel(result, model, &text);
  return text;
}

}  // namespace chimera
