#include <nlohmann/json.hpp>

#include "tools/gpu_bench/figures.h"
#include "tools/gpu_bench/report.h"

namespace chimera {
namespace {

using Json = nlohmann::ordered_json;

// In milliseconds.
Json ToJson(const TimeSpread& seconds) {
  return {{"median_ms", 1e3 * seconds.median},
          {"lower_quartile_ms", 1e3 * seconds.lower_quartile},
          {"upper_quartile_ms", 1e3 * seconds.upper_quartile}};
}

Json ToJson(const ReadRate& rate) {
  return {{"gb_per_s", 1e-9 * rate.bytes_per_second}, {"bandwidth_share", rate.bandwidth_share}};
}

Json ToJson(const TransferTime& transfer) {
  Json json = ToJson(transfer.seconds);
  json["bytes"] = transfer.bytes;
  json["gb_per_s"] = 1e-9 * transfer.bytes_per_second();
  return json;
}

Json DeviceToJson(const cuda::DeviceInfo& device) {
  return {{"name", device.name},
          {"compute_capability", std::to_string(device.compute_capability_major) + "." +
                                     std::to_string(device.compute_capability_minor)},
          {"multiprocessors", device.multiprocessor_count},
          {"memory_bytes", device.total_memory_bytes},
          {"l2_cache_bytes", device.l2_cache_bytes}};
}

Json LaunchesToJson(const LaunchTimes& times) {
  Json json = {{"single", ToJson(times.single)}, {"graph", ToJson(times.graph)}};
  if (times.overlapping_graph.has_value()) {
    json["overlapping_graph"] = ToJson(*times.overlapping_graph);
  }
  return json;
}

Json ProductToJson(const GpuBenchResult& result, const LinearShape& shape, int rows,
                   const TimeSpread& seconds) {
  Json json = ToJson(seconds);
  json.update(ToJson(RateOf(result, shape.weight_bytes(), seconds.median)));
  json["tflop_per_s"] = 1e-12 * FlopsPerSecond(shape, rows, seconds.median);
  return json;
}

Json GemmToJson(const GpuBenchResult& result, const GemmShapeTimes& gemm) {
  Json times = Json::array();
  for (const GemmTimes& time : gemm.times) {
    times.push_back({{"rows", time.rows},
                     {"own", ProductToJson(result, gemm.shape, time.rows, time.own)},
                     {"blas", ProductToJson(result, gemm.shape, time.rows, time.blas)},
                     {"speed_ratio", SpeedRatio(time)}});
  }
  Json json = {{"product", gemm.shape.name},
               {"inputs", gemm.shape.input_size},
               {"outputs", gemm.shape.output_size},
               {"count", gemm.shape.count},
               {"weight_bytes", gemm.shape.weight_bytes()},
               {"times", times}};
  if (!gemm.skipped.empty()) json["skipped"] = gemm.skipped;
  return json;
}

Json AttentionToJson(const GpuBenchResult& result, const AttentionTime& time) {
  Json json = {{"context", time.context}, {"rows", time.rows}, {"kv_bytes", time.kv_bytes}};
  if (!time.skipped.empty()) {
    json["skipped"] = time.skipped;
    return json;
  }
  json.update(ToJson(time.seconds));
  json.update(ToJson(RateOf(result, time.kv_bytes, time.seconds.median)));
  return json;
}

Json StepsToJson(const GpuBenchResult& result, const LlamaConfig& config, const StepTimes& times) {
  const int64_t bytes = StepBytes(config, times.context);
  Json steps = Json::array();
  for (const StepTime& step : times.steps) {
    Json json = {{"rows", step.rows}};
    json.update(ToJson(step.seconds));
    json.update(ToJson(RateOf(result, bytes, step.seconds.median)));
    json["ratio_to_one_row"] = step.seconds.median / times.steps[0].seconds.median;
    steps.push_back(json);
  }
  Json prefill = {{"tokens", times.prefill.rows}};
  prefill.update(ToJson(times.prefill.seconds));
  prefill["tokens_per_s"] = times.prefill.rows / times.prefill.seconds.median;
  return {{"context", times.context},
          {"bytes", bytes},
          {"target_ratio_of_64_rows_at_most", kTreeStepTarget},
          {"steps", steps},
          {"prefill", prefill}};
}

Json DecodingToJson(const GpuBenchResult& result, const LlamaConfig& config,
                    const DecodeTimes& times) {
  const double per_token = times.plain_seconds.median / times.tokens;
  Json plain = ToJson(times.plain_seconds);
  plain["tokens_per_s"] = TokensPerSecond(times, times.plain_seconds);
  plain.update(ToJson(RateOf(result, StepBytes(config, times.context), per_token)));
  plain["target_share_at_least"] = kPlainShareTarget;
  Json trees = Json::array();
  for (const TreeDecoding& tree : times.trees) {
    Json json = {{"acceptance", tree.acceptance},
                 {"steps", tree.steps},
                 {"tokens_per_step", static_cast<double>(times.tokens) / tree.steps}};
    json.update(ToJson(tree.seconds));
    json["tokens_per_s"] = TokensPerSecond(times, tree.seconds);
    json["speed_up"] = times.plain_seconds.median / tree.seconds.median;
    json["is_identical"] = tree.is_identical;
    trees.push_back(json);
  }
  return {{"context", times.context}, {"tokens", times.tokens}, {"plain", plain}, {"trees", trees}};
}

Json DraftingToJson(const GpuBenchResult& result, const DraftTimes& times) {
  Json json = {{"context", times.context}, {"level_weight_bytes", times.level_weight_bytes}};
  if (!times.skipped.empty()) {
    json["skipped"] = times.skipped;
    return json;
  }
  json["root"] = ToJson(times.root_seconds);
  for (const DraftLevelTime& level : times.levels) {
    Json level_json = {{"rows", level.rows}};
    level_json.update(ToJson(level.seconds));
    level_json.update(ToJson(RateOf(result, times.level_weight_bytes, level.seconds.median)));
    json["levels"].push_back(level_json);
  }
  return json;
}

Json ModelToJson(const GpuBenchResult& result, const ModelTimes& model) {
  const LlamaConfig& config = model.shape.config;
  Json json = {{"model", model.shape.name}, {"weight_bytes", StepWeightBytes(config)}};
  for (const GemmShapeTimes& gemm : model.gemm) json["gemm"].push_back(GemmToJson(result, gemm));
  for (const AttentionTime& time : model.attention) {
    json["attention"].push_back(AttentionToJson(result, time));
  }
  if (!model.skipped.empty()) json["skipped"] = model.skipped;
  if (!model.numerics_id.empty()) json["numerics_id"] = model.numerics_id;
  if (model.steps.has_value()) json["step"] = StepsToJson(result, config, *model.steps);
  if (model.decoding.has_value()) json["decode"] = DecodingToJson(result, config, *model.decoding);
  if (model.drafting.has_value()) json["draft"] = DraftingToJson(result, *model.drafting);
  return json;
}

}  // namespace

std::string ReportJson(const GpuBenchResult& result) {
  Json json = {{"device", DeviceToJson(result.device)},
               {"blas", result.blas},
               {"repetitions", result.repetitions},
               {"read_bandwidth", ToJson(result.read)}};
  if (result.copies.has_value()) {
    json["copies"] = {{"within_device", ToJson(result.copies->within)},
                      {"to_device", ToJson(result.copies->to_device)},
                      {"to_host", ToJson(result.copies->to_host)}};
  }
  if (result.launches.has_value()) json["launches"] = LaunchesToJson(*result.launches);
  json["models"] = Json::array();
  for (const ModelTimes& model : result.models)
    json["models"].push_back(ModelToJson(result, model));
  return json.dump(/*indent=*/1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace chimera
