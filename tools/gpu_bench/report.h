// The result of the benchmark as text.

#ifndef CHIMERA_TOOLS_GPU_BENCH_REPORT_H_
#define CHIMERA_TOOLS_GPU_BENCH_REPORT_H_

#include <string>

#include "tools/gpu_bench/gpu_bench.h"

namespace chimera {

// Tables for people, several lines.
std::string ReportTable(const GpuBenchResult& result);

// One JSON object, indented, with a final newline. Names end in their unit, or in "_share" for a
// fraction of 1; GB and TFLOP are 10^9 and 10^12. Times have a median and the two quartiles; rates
// are of the median. What was not measured is absent.
std::string ReportJson(const GpuBenchResult& result);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_REPORT_H_
