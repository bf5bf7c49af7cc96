// The result of the benchmark as text.

#ifndef CHIMERA_TOOLS_CPU_BENCH_REPORT_H_
#define CHIMERA_TOOLS_CPU_BENCH_REPORT_H_

#include <string>

#include "tools/cpu_bench/cpu_bench.h"

namespace chimera {

// Tables for people, several lines.
std::string ReportTable(const CpuBenchResult& result);

// One JSON object, indented, with a final newline. Names end in their unit, or in "_share" for a
// fraction of 1; GB and GMAC are 10^9.
std::string ReportJson(const CpuBenchResult& result);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_REPORT_H_
