#include "tests/testing/process_stats.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace chimera::testing {
namespace {

std::string ReadProcFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The number after "`key`:" in /proc/PID/status; -1 if it has none, as a process that has ended.
int64_t StatusNumber(const std::string& status, const std::string& key) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1));
  }
  return -1;
}

// Clock ticks in user and system mode, fields 14 and 15 of /proc/PID/stat. The second field, the
// program's name in parentheses, may itself have spaces and parentheses.
int64_t CpuTicks(const std::string& stat) {
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return user + system;
}

}  // namespace

absl::StatusOr<ProcessStats> ReadProcessStats(pid_t pid) {
  const std::string directory = absl::StrCat("/proc/", pid);
  const std::string status = ReadProcFile(directory + "/status");
  const std::string stat = ReadProcFile(directory + "/stat");
  ProcessStats stats;
  stats.resident_bytes = StatusNumber(status, "VmRSS") * 1024;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory + "/fd", error);
  if (stats.resident_bytes < 0 || stat.empty() || error) {
    return absl::NotFoundError(absl::StrCat("process ", pid, " does not run"));
  }
  for (; entry != std::filesystem::directory_iterator(); ++entry) ++stats.file_descriptors;
  // One of ours is the descriptor that the directory is read with.
  if (pid == getpid()) --stats.file_descriptors;
  stats.resident_file_bytes = StatusNumber(status, "RssFile") * 1024;
  stats.peak_resident_bytes = StatusNumber(status, "VmHWM") * 1024;
  stats.threads = static_cast<int32_t>(StatusNumber(status, "Threads"));
  stats.cpu_seconds =
      static_cast<double>(CpuTicks(stat)) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return stats;
}

}  // namespace chimera::testing
