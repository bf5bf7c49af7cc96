// The products of a step, timed one by one.

#ifndef CHIMERA_TOOLS_CPU_BENCH_GEMM_BENCH_H_
#define CHIMERA_TOOLS_CPU_BENCH_GEMM_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa_type.h"
#include "common/model/llama_model.h"
#include "tools/cpu_bench/timing.h"

namespace chimera {

// One kind of product, in all layers that have it. Weights with the same input are one product, as
// the backend computes them.
struct ProductShape {
  std::string name = {};     // "query+key+value", "attention_output", "gate+up", "down", "output"
  std::string type = {};     // of the weights: "Q4_1", or "Q4_0+Q8_0" where layers differ
  bool is_quantized = true;  // all weights are, so that the product is one of 8-bit integers
  int64_t inputs = 0;
  int64_t outputs = 0;
  int64_t count = 0;         // of such products in a step
  int64_t weight_bytes = 0;  // read for all of them

  // Multiply-accumulates of one row in all of them.
  int64_t macs_per_row() const { return count * inputs * outputs; }
};

// The products of one step.
struct ProductTimes {
  int rows = 0;
  std::vector<double> seconds;  // [n_shapes], of all products of a shape
  double total_seconds = 0;     // of all products
};

struct GemmResult {
  std::vector<ProductShape> shapes;
  std::vector<ProductTimes> times;  // by kBenchRowCounts
};

// Times the products of `model` on all threads of `pool`, in the order of a step, each with the
// weights of its own layer: so every product finds its weights where a step does, in memory unless
// the model as a whole fits in the cache. Input rows are quantised beforehand. REQUIRES: the
// machine supports `isa`.
GemmResult MeasureGemm(const LlamaModel& model, CpuIsa isa, ThreadPool* pool, const Timing& timing);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_GEMM_BENCH_H_
