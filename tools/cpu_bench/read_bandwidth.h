// How fast all threads together read memory.

#ifndef CHIMERA_TOOLS_CPU_BENCH_READ_BANDWIDTH_H_
#define CHIMERA_TOOLS_CPU_BENCH_READ_BANDWIDTH_H_

#include <cstdint>

#include "common/base/thread_pool.h"
#include "tools/cpu_bench/isa_loops.h"
#include "tools/cpu_bench/timing.h"

namespace chimera {

// Bytes that are read, all threads together: well beyond any cache of one socket.
inline constexpr int64_t kReadBufferBytes = int64_t{256} << 20;

// Bytes per second that `pool` reads from kReadBufferBytes in huge pages, each thread its own part
// as one stream or as several in turns, whichever is fastest.
double MeasureReadBandwidth(const IsaLoops& loops, ThreadPool* pool, const Timing& timing);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_READ_BANDWIDTH_H_
