#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/cpu_bench/figures.h"
#include "tools/cpu_bench/read_bandwidth.h"
#include "tools/cpu_bench/report.h"

namespace chimera {
namespace {

void AppendMachine(const CpuBenchResult& result, std::string* text) {
  absl::StrAppendFormat(text,
                        "%s, %s, %s, %d threads, best of %d\n\n"
                        "read bandwidth  %8.1f GB/s    %d MiB\n"
                        "int8 peak       %8.1f GMAC/s\n\n",
                        result.model_name, result.numerics_id, result.isa, result.thread_count,
                        result.repetitions, 1e-9 * result.read_bandwidth, kReadBufferBytes >> 20,
                        1e-9 * result.int8_peak);
}

void AppendRates(const ProductRates& rates, int rows, std::string* text) {
  absl::StrAppendFormat(text, "%6d %9.3f %8.1f %8.1f %%  %8.1f", rows, 1e3 * rates.seconds,
                        1e-9 * rates.bytes_per_second, 100 * rates.bandwidth_share,
                        1e-9 * rates.macs_per_second);
  if (rates.peak_share.has_value()) {
    absl::StrAppendFormat(text, " %6.1f %%", 100 * *rates.peak_share);
  }
  absl::StrAppend(text, "\n");
}

void AppendProducts(const CpuBenchResult& result, std::string* text) {
  constexpr char kHeader[] = "  rows        ms     GB/s  of bandwidth  GMAC/s  of peak\n";
  for (size_t i = 0; i < result.gemm.shapes.size(); ++i) {
    const ProductShape& shape = result.gemm.shapes[i];
    absl::StrAppendFormat(text, "%s: %d x [%d, %d] %s\n%s", shape.name, shape.count, shape.outputs,
                          shape.inputs, shape.type, kHeader);
    for (const ProductTimes& times : result.gemm.times) {
      AppendRates(RatesOfShape(result, times, i), times.rows, text);
    }
    absl::StrAppend(text, "\n");
  }
  absl::StrAppend(text, "all products of a step\n", kHeader);
  for (const ProductTimes& times : result.gemm.times) {
    AppendRates(RatesOfStep(result, times), times.rows, text);
  }
}

void AppendSteps(const CpuBenchResult& result, std::string* text) {
  absl::StrAppendFormat(text,
                        "\nstep after %d positions\n"
                        "  rows        ms  to one row  products\n",
                        result.context);
  for (size_t i = 0; i < result.steps.size(); ++i) {
    const StepTime& step = result.steps[i];
    absl::StrAppendFormat(text, "%6d %9.3f %10.2f x %7.1f %%\n", step.rows, 1e3 * step.seconds,
                          step.seconds / result.steps[0].seconds,
                          100 * result.gemm.times[i].total_seconds / step.seconds);
  }
  const PrefillTime& prefill = result.prefill;
  absl::StrAppendFormat(text, "\nprefill of %d tokens  %.1f ms  %.0f tokens/s, best of %d\n",
                        prefill.tokens, 1e3 * prefill.seconds, prefill.tokens / prefill.seconds,
                        prefill.repetitions);
}

void AppendAttention(const CpuBenchResult& result, std::string* text) {
  absl::StrAppend(text,
                  "\nattention, all layers\n"
                  "context  rows        ms     GB/s  of bandwidth\n");
  for (const AttentionTime& time : result.attention) {
    const double bytes_per_second = KvBytesPerSecond(time);
    absl::StrAppendFormat(text, "%7d %5d %9.3f %8.1f %8.1f %%\n", time.context, time.rows,
                          1e3 * time.seconds, 1e-9 * bytes_per_second,
                          100 * bytes_per_second / result.read_bandwidth);
  }
}

void AppendNoise(const NoiseResult& noise, std::string* text) {
  absl::StrAppendFormat(text,
                        "\nnoise of one row at temperature 1, mean of %d rows\n"
                        "greedy %.1f us, sampled %.1f us, noise %.1f us, step %.3f ms\n",
                        noise.rows, 1e6 * noise.greedy_seconds, 1e6 * noise.sampled_seconds,
                        1e6 * noise.noise_seconds(), 1e3 * noise.step_seconds);
}

void AppendTargets(const CpuBenchResult& result, std::string* text) {
  const ProductRates one_row = RatesOfStep(result, result.gemm.times[0]);
  absl::StrAppendFormat(
      text,
      "\nproducts of a one-row step  %5.1f %% of the read bandwidth, target at least %.0f %%\n"
      "noise at temperature 1      %5.1f %% of a one-row step, target at most %.0f %%\n",
      100 * one_row.bandwidth_share, 100 * kBandwidthShareTarget, 100 * result.noise.step_share(),
      100 * kNoiseShareTarget);
}

}  // namespace

std::string ReportTable(const CpuBenchResult& result) {
  std::string text;
  AppendMachine(result, &text);
  AppendProducts(result, &text);
  AppendSteps(result, &text);
  AppendAttention(result, &text);
  AppendNoise(result.noise, &text);
  AppendTargets(result, &text);
  return text;
}

}  // namespace chimera
