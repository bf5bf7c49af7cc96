// How fast all threads together multiply and accumulate 8-bit integers.

#ifndef CHIMERA_TOOLS_CPU_BENCH_INT8_PEAK_H_
#define CHIMERA_TOOLS_CPU_BENCH_INT8_PEAK_H_

#include "common/base/thread_pool.h"
#include "tools/cpu_bench/isa_loops.h"
#include "tools/cpu_bench/timing.h"

namespace chimera {

// Multiply-accumulates per second of `pool` on operands that need no memory. Unpacking, scales and
// loads come on top in a real product, so that none reaches it.
double MeasureInt8Peak(const IsaLoops& loops, ThreadPool* pool, const Timing& timing);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_INT8_PEAK_H_
