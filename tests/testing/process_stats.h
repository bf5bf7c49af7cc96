// What the system says of a process.

#ifndef CHIMERA_TESTS_TESTING_PROCESS_STATS_H_
#define CHIMERA_TESTS_TESTING_PROCESS_STATS_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace chimera::testing {

struct ProcessStats {
  int64_t resident_bytes = 0;
  int64_t resident_file_bytes = 0;  // the part of it that files are mapped to
  int64_t peak_resident_bytes = 0;
  int32_t threads = 0;
  int32_t file_descriptors = 0;
  double cpu_seconds = 0;  // user and system time of all threads; the system counts in hundredths
};

// Of a process of the same user, from /proc. NOT_FOUND if it does not run.
absl::StatusOr<ProcessStats> ReadProcessStats(pid_t pid);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_PROCESS_STATS_H_
