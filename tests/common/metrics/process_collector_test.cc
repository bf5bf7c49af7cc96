#include "common/metrics/process_collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/common/metrics/exposition.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::chimera::testing::Exposition;
using ::chimera::testing::Scrape;
using ::chimera::testing::TempDirectory;

double Now() { return static_cast<double>(std::time(nullptr)); }

TEST(ProcessCollectorTest, ThisProcessIsPlausible) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(ProcessCollector()));
  EXPECT_EQ(exposition.families.size(), 7);
  EXPECT_GE(exposition.Value("process_cpu_seconds_total").value(), 0);
  EXPECT_LT(exposition.Value("process_cpu_seconds_total").value(), 3600);
  const double resident = exposition.Value("process_resident_memory_bytes").value();
  EXPECT_GT(resident, 1 << 20);
  EXPECT_LT(resident, exposition.Value("process_virtual_memory_bytes").value());
  EXPECT_GE(exposition.Value("process_threads").value(), 1);
  // The kernel rounds the time of boot to whole seconds.
  EXPECT_LE(exposition.Value("process_start_time_seconds").value(), Now() + 2);
  EXPECT_GT(exposition.Value("process_start_time_seconds").value(), Now() - 24 * 3600);
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(exposition.Value("process_max_fds").value(), static_cast<double>(limit.rlim_cur));
}

TEST(ProcessCollectorTest, NoticesWhatChanges) {
  // With the first thread ThreadSanitizer starts one of its own.
  std::thread first([] {});
  first.join();
  const ProcessCollector collector;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition before, Scrape(collector));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::thread thread([&ends] {
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 0);
  });
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition during, Scrape(collector));
  close(ends[1]);
  thread.join();
  close(ends[0]);
  EXPECT_EQ(during.Value("process_open_fds").value(), before.Value("process_open_fds").value() + 2);
  EXPECT_EQ(during.Value("process_threads").value(), before.Value("process_threads").value() + 1);
}

TEST(ProcessCollectorTest, ReadsTheFieldsBehindANameWithParenthesesAndSpaces) {
  const TempDirectory proc;
  std::filesystem::create_directories(proc.path() + "/self/fd");
  std::ofstream(proc.path() + "/self/fd/0");
  std::ofstream(proc.path() + "/stat") << "cpu 1 2 3\nbtime 1000\nprocesses 5\n";
  std::ofstream(proc.path() + "/self/limits")
      << "Limit                     Soft Limit           Hard Limit           Units\n"
      << "Max open files            1024                 4096                 files\n";
  std::ofstream(proc.path() + "/self/stat")
      << "1 (a) b (c) S 2 3 4 5 6 7 8 9 10 11 200 100 14 15 16 17 9 19 500 8192 3 23\n";
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(ProcessCollector(proc.path())));
  EXPECT_DOUBLE_EQ(exposition.Value("process_cpu_seconds_total").value(), 300 / ticks);
  EXPECT_EQ(exposition.Value("process_threads"), 9);
  EXPECT_DOUBLE_EQ(exposition.Value("process_start_time_seconds").value(), 1000 + 500 / ticks);
  EXPECT_EQ(exposition.Value("process_virtual_memory_bytes"), 8192);
  EXPECT_EQ(exposition.Value("process_resident_memory_bytes"),
            static_cast<double>(3 * sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(exposition.Value("process_max_fds"), 1024);
}

TEST(ProcessCollectorTest, LeavesOutWhatCannotBeRead) {
  const TempDirectory proc;
  EXPECT_TRUE(ProcessCollector(proc.path()).Collect().empty());
  std::filesystem::create_directories(proc.path() + "/self");
  std::ofstream(proc.path() + "/self/stat") << "1 (a) S 2 3";
  std::ofstream(proc.path() + "/self/limits") << "Max open files  unlimited  unlimited  files\n";
  EXPECT_TRUE(ProcessCollector(proc.path()).Collect().empty());
}

}  // namespace
}  // namespace chimera
