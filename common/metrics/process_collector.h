// Memory, processor time and descriptors of this process.

#ifndef CHIMERA_COMMON_METRICS_PROCESS_COLLECTOR_H_
#define CHIMERA_COMMON_METRICS_PROCESS_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace chimera {

// The process_* metrics, named as in other programs, read from the kernel at every scrape. What
// cannot be read is left out. They carry no labels. Any thread.
class ProcessCollector final : public prometheus::Collectable {
 public:
  // `proc_directory`: where procfs is mounted.
  explicit ProcessCollector(std::string proc_directory = "/proc");

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::string proc_directory_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_PROCESS_COLLECTOR_H_
