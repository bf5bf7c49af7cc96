// What the benchmark is told to do.

#ifndef CHIMERA_TOOLS_GPU_BENCH_CONFIG_H_
#define CHIMERA_TOOLS_GPU_BENCH_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/backend/numerics.h"
#include "tools/gpu_bench/model_shapes.h"

namespace chimera {

// What is measured, besides the read bandwidth, which shares refer to.
struct GpuBenchSections {
  bool copy = false;       // copies within the device and to and from it
  bool launch = false;     // what a launch costs
  bool gemm = false;       // linear layers
  bool attention = false;  // attention of a layer
  bool step = false;       // whole steps and prefill
  bool decode = false;     // plain and tree decoding
  bool draft = false;      // levels of the model's default drafter
};

// Validated, but for what depends on the device.
struct GpuBenchConfig {
  int device = 0;
  GpuBenchSections sections;
  std::vector<ModelShape> models;
  // How often each figure is taken; its median and quartiles are reported.
  int repetitions = 15;
  // Launches of a kernel that are timed together, at most.
  int launches = 128;
  std::vector<int> rows;      // of linear layers
  std::vector<int> contexts;  // of attention
  // Of steps, decoding and, the context only, drafting.
  Numerics numerics = Numerics::kStrict;
  int context = 512;
  int prefill = 2048;              // tokens
  int tokens = 256;                // decoded
  std::vector<double> acceptance;  // probabilities that a candidate is accepted, each in [0, 1)
  std::string json_path;           // empty: tables only; "-": JSON in place of them
};

inline constexpr int kMaxBenchPositions = 1 << 17;
inline constexpr int kMaxBenchRows = 1 << 14;
inline constexpr int kMaxBenchRepetitions = 10000;
inline constexpr int kMaxBenchLaunches = 1024;

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_CONFIG_H_
