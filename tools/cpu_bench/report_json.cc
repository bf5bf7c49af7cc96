#include <nlohmann/json.hpp>

#include "tools/cpu_bench/figures.h"
#include "tools/cpu_bench/read_bandwidth.h"
#include "tools/cpu_bench/report.h"

namespace chimera {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const ProductRates& rates, int rows) {
  Json json = {{"rows", rows},
               {"ms", 1e3 * rates.seconds},
               {"gb_per_s", 1e-9 * rates.bytes_per_second},
               {"bandwidth_share", rates.bandwidth_share},
               {"gmac_per_s", 1e-9 * rates.macs_per_second},
               {"peak_share", nullptr}};
  if (rates.peak_share.has_value()) json["peak_share"] = *rates.peak_share;
  return json;
}

// The products of shape number `shape` for every row count.
Json ShapeToJson(const CpuBenchResult& result, size_t index) {
  const ProductShape& shape = result.gemm.shapes[index];
  Json times = Json::array();
  for (const ProductTimes& time : result.gemm.times) {
    times.push_back(ToJson(RatesOfShape(result, time, index), time.rows));
  }
  return {{"product", shape.name},  {"type", shape.type},
          {"inputs", shape.inputs}, {"outputs", shape.outputs},
          {"count", shape.count},   {"weight_bytes", shape.weight_bytes},
          {"times", times}};
}

Json StepsToJson(const CpuBenchResult& result) {
  Json steps = Json::array();
  for (size_t i = 0; i < result.steps.size(); ++i) {
    const StepTime& step = result.steps[i];
    steps.push_back({{"rows", step.rows},
                     {"ms", 1e3 * step.seconds},
                     {"ratio_to_one_row", step.seconds / result.steps[0].seconds},
                     {"products", ToJson(RatesOfStep(result, result.gemm.times[i]), step.rows)}});
  }
  return steps;
}

Json AttentionToJson(const CpuBenchResult& result) {
  Json times = Json::array();
  for (const AttentionTime& time : result.attention) {
    const double bytes_per_second = KvBytesPerSecond(time);
    times.push_back({{"context", time.context},
                     {"rows", time.rows},
                     {"ms", 1e3 * time.seconds},
                     {"kv_bytes", time.kv_bytes},
                     {"gb_per_s", 1e-9 * bytes_per_second},
                     {"bandwidth_share", bytes_per_second / result.read_bandwidth}});
  }
  return times;
}

Json NoiseToJson(const NoiseResult& noise) {
  return {{"rows", noise.rows},
          {"greedy_us_per_row", 1e6 * noise.greedy_seconds},
          {"sampled_us_per_row", 1e6 * noise.sampled_seconds},
          {"noise_us_per_row", 1e6 * noise.noise_seconds()},
          {"sampled_step_ms", 1e3 * noise.step_seconds},
          {"step_share", noise.step_share()}};
}

}  // namespace

std::string ReportJson(const CpuBenchResult& result) {
  Json gemm = Json::array();
  for (size_t i = 0; i < result.gemm.shapes.size(); ++i) gemm.push_back(ShapeToJson(result, i));
  const PrefillTime& prefill = result.prefill;
  const ProductRates one_row = RatesOfStep(result, result.gemm.times[0]);
  const Json json = {
      {"model", result.model_name},
      {"numerics_id", result.numerics_id},
      {"isa", result.isa},
      {"threads", result.thread_count},
      {"context", result.context},
      {"repetitions", result.repetitions},
      {"read_bandwidth",
       {{"buffer_bytes", kReadBufferBytes}, {"gb_per_s", 1e-9 * result.read_bandwidth}}},
      {"int8_peak", {{"gmac_per_s", 1e-9 * result.int8_peak}}},
      {"one_row_products",
       {{"bandwidth_share", one_row.bandwidth_share}, {"target_at_least", kBandwidthShareTarget}}},
      {"noise_at_temperature_1",
       {{"step_share", result.noise.step_share()}, {"target_at_most", kNoiseShareTarget}}},
      {"gemm", gemm},
      {"steps", StepsToJson(result)},
      {"prefill",
       {{"tokens", prefill.tokens},
        {"repetitions", prefill.repetitions},
        {"ms", 1e3 * prefill.seconds},
        {"tokens_per_s", prefill.tokens / prefill.seconds}}},
      {"noise", NoiseToJson(result.noise)},
      {"attention", AttentionToJson(result)}};
  // The model's name may hold bytes that are not UTF-8.
  return json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace chimera
