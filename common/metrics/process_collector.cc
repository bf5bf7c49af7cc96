#include "common/metrics/process_collector.h"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace chimera {
namespace {

// Fields of /proc/self/stat, numbered as in proc(5).
constexpr size_t kUserTicks = 14;
constexpr size_t kSystemTicks = 15;
constexpr size_t kThreads = 20;
constexpr size_t kStartTicks = 22;
constexpr size_t kVirtualBytes = 23;
constexpr size_t kResidentPages = 24;
constexpr size_t kFirstField = 3;  // after the program's name

using Words = std::vector<std::string>;

Words SplitWords(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \n\t"), absl::SkipEmpty());
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The words of the line that begins with `key`, without it; none if there is no such line.
Words LineWords(const std::string& text, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, key)) return SplitWords(line.substr(key.size()));
  }
  return {};
}

std::optional<double> Number(const Words& words, size_t index) {
  double value = 0;
  if (index >= words.size() || !absl::SimpleAtod(words[index], &value)) return std::nullopt;
  return value;
}

// The fields after the program's name, which may itself have spaces and parentheses.
class Stat {
 public:
  explicit Stat(const std::string& text) {
    const size_t name_end = text.rfind(')');
    if (name_end != std::string::npos) words_ = SplitWords(text.substr(name_end + 1));
  }

  std::optional<double> Field(size_t number) const { return Number(words_, number - kFirstField); }

 private:
  Words words_;
};

std::optional<double> CountEntries(const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  double count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error) return std::nullopt;
  return count;
}

// The families found so far.
class Families {
 public:
  void Add(prometheus::MetricType type, const char* name, const char* help,
           std::optional<double> value) {
    if (!value.has_value()) return;
    prometheus::MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    if (type == prometheus::MetricType::Counter) {
      metric.counter.value = *value;
    } else {
      metric.gauge.value = *value;
    }
    families_.push_back(std::move(family));
  }

  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

std::optional<double> Times(std::optional<double> value, double factor) {
  if (!value.has_value()) return std::nullopt;
  return *value * factor;
}

std::optional<double> Plus(std::optional<double> a, std::optional<double> b) {
  if (!a.has_value() || !b.has_value()) return std::nullopt;
  return *a + *b;
}

}  // namespace

ProcessCollector::ProcessCollector(std::string proc_directory)
    : proc_directory_(std::move(proc_directory)) {}

std::vector<prometheus::MetricFamily> ProcessCollector::Collect() const {
  using prometheus::MetricType;
  const std::string self = proc_directory_ + "/self";
  const Stat stat(ReadFile(self + "/stat"));
  const double tick_seconds = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  const std::optional<double> boot_seconds =
      Number(LineWords(ReadFile(proc_directory_ + "/stat"), "btime "), 0);

  Families families;
  families.Add(MetricType::Counter, "process_cpu_seconds_total",
               "User and system time of all threads, in seconds.",
               Times(Plus(stat.Field(kUserTicks), stat.Field(kSystemTicks)), tick_seconds));
  families.Add(MetricType::Gauge, "process_resident_memory_bytes", "Resident memory, in bytes.",
               Times(stat.Field(kResidentPages), page_bytes));
  families.Add(MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory, in bytes.",
               stat.Field(kVirtualBytes));
  families.Add(MetricType::Gauge, "process_start_time_seconds",
               "Time the process started, in seconds since 1970.",
               Plus(boot_seconds, Times(stat.Field(kStartTicks), tick_seconds)));
  families.Add(MetricType::Gauge, "process_threads", "Threads.", stat.Field(kThreads));
  // One of them is the descriptor that the directory is read with.
  families.Add(MetricType::Gauge, "process_open_fds", "Open file descriptors.",
               Plus(CountEntries(self + "/fd"), -1));
  families.Add(MetricType::Gauge, "process_max_fds",
               "File descriptors that may be open at once; left out if there is no limit.",
               Number(LineWords(ReadFile(self + "/limits"), "Max open files"), 0));
  return families.Take();
}

}  // namespace chimera
