#include "tools/cpu_bench/gemm_bench.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/cpu/activations.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/packed_llama_weights.h"
#include "common/cpu/weight_tiles.h"
#include "common/model/data_type.h"
#include "tools/cpu_bench/bench_steps.h"

namespace chimera {
namespace {

class GemmBench {
 public:
  GemmBench(const LlamaModel& model, CpuIsa isa, ThreadPool* pool)
      : kernels_(GetCpuKernels(isa)), pool_(pool), weights_(model.weights(), pool) {
    const LlamaWeights& views = model.weights();
    for (size_t i = 0; i < views.layers.size(); ++i) {
      const LlamaLayerWeights& view = views.layers[i];
      const PackedLlamaLayer& layer = weights_.layers[i];
      Add("query+key+value", {view.query, view.key, view.value}, layer.query_key_value);
      Add("attention_output", {view.attention_output}, layer.attention_output);
      Add("gate+up", {view.ffn_gate, view.ffn_up}, layer.ffn_gate_up);
      Add("down", {view.ffn_down}, layer.ffn_down);
    }
    Add("output", {views.output}, *weights_.output);
  }

  const std::vector<ProductShape>& shapes() const { return shapes_; }

  ProductTimes Measure(int rows, const Timing& timing) {
    PrepareInputs(rows);
    constexpr double kNever = std::numeric_limits<double>::infinity();
    ProductTimes best = {rows, std::vector<double>(shapes_.size(), kNever), kNever};
    RunAll(*timing.clock);
    for (int i = 0; i < timing.repetitions; ++i) {
      const std::vector<double> seconds = RunAll(*timing.clock);
      double total = 0;
      for (size_t shape = 0; shape < shapes_.size(); ++shape) {
        best.seconds[shape] = std::min(best.seconds[shape], seconds[shape]);
        total += seconds[shape];
      }
      best.total_seconds = std::min(best.total_seconds, total);
    }
    return best;
  }

 private:
  struct Product {
    const PackedLinear* weights;
    size_t shape;
  };

  void Add(const std::string& name, std::initializer_list<TensorView> views,
           const PackedLinear& weights) {
    auto shape = std::find_if(shapes_.begin(), shapes_.end(),
                              [&](const ProductShape& other) { return other.name == name; });
    if (shape == shapes_.end()) {
      shapes_.push_back(
          {.name = name, .inputs = weights.input_size(), .outputs = weights.output_size()});
      shape = shapes_.end() - 1;
    }
    ++shape->count;
    for (const TensorView& view : views) {
      shape->weight_bytes += TileCount(view.rows) * TileBytes(view.type, view.columns);
      shape->is_quantized &= BlockElements(view.type) > 1;
      const absl::string_view type = DataTypeName(view.type);
      if (absl::StrContains(shape->type, type)) continue;
      absl::StrAppend(&shape->type, shape->type.empty() ? "" : "+", type);
    }
    products_.push_back({&weights, static_cast<size_t>(shape - shapes_.begin())});
  }

  void PrepareInputs(int rows) {
    int64_t outputs = 0;
    for (const ProductShape& shape : shapes_) {
      outputs = std::max(outputs, shape.outputs);
      Activations& input = inputs_[shape.inputs];
      input.Reset(rows, shape.inputs);
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t i = 0; i < shape.inputs; ++i) {
          input.row(row)[i] = static_cast<float>((131 * row + 29 * i) % 255 - 127) / 64;
        }
        input.QuantizeRow(kernels_, row);
      }
    }
    output_.resize(rows * outputs);
  }

  // Runs all products once; the seconds of each shape's.
  std::vector<double> RunAll(const Clock& clock) {
    std::vector<double> seconds(shapes_.size());
    for (const Product& product : products_) {
      const ActivationView input = inputs_[product.weights->input_size()].View();
      seconds[product.shape] += TimeOnce(
          clock, [&] { product.weights->Multiply(kernels_, input, pool_, output_.data()); });
    }
    return seconds;
  }

  const CpuKernels& kernels_;
  ThreadPool* const pool_;
  const PackedLlamaWeights weights_;
  std::vector<ProductShape> shapes_;
  std::vector<Product> products_;          // in the order of a step
  std::map<int64_t, Activations> inputs_;  // by input size
  std::vector<float> output_;
};

}  // namespace

GemmResult MeasureGemm(const LlamaModel& model, CpuIsa isa, ThreadPool* pool,
                       const Timing& timing) {
  GemmBench bench(model, isa, pool);
  GemmResult result;
  result.shapes = bench.shapes();
  for (const int rows : kBenchRowCounts) result.times.push_back(bench.Measure(rows, timing));
  return result;
}

}  // namespace chimera
