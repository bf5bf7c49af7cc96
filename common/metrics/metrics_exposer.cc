#include "common/metrics/metrics_exposer.h"

#include <CivetServer.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/metrics/process_collector.h"

namespace chimera {
namespace {

constexpr int32_t kMaxPort = 65535;

// A pattern of the HTTP library, for which a name alone is the beginning of many.
constexpr char kPath[] = "/metrics$";

// The library's own thread looks every two seconds whether it is to stop, and after every
// connection: so it gets some while it stops.
constexpr std::chrono::milliseconds kWakeInterval(5);

// What the HTTP library says while this thread starts a server; null when it starts none. The
// library passes nothing of ours to its log callback.
thread_local std::string* start_log = nullptr;

class StartLog {
 public:
  StartLog() { start_log = &text_; }
  ~StartLog() { start_log = nullptr; }
  StartLog(const StartLog&) = delete;
  StartLog& operator=(const StartLog&) = delete;

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Returns 1: the library is not to write to standard error itself.
int TakeLogMessage(const mg_connection*, const char* message) {
  if (start_log != nullptr) {
    absl::StrAppend(start_log, start_log->empty() ? "" : "; ", message);
  } else {
    LogWarning("metrics server reason={}", absl::Utf8SafeCEscape(message));
  }
  return 1;
}

class MergedCollectables final : public prometheus::Collectable {
 public:
  explicit MergedCollectables(Collectables parts) : parts_(std::move(parts)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families;
    absl::flat_hash_map<std::string, size_t> places;
    for (const auto& part : parts_) {
      for (prometheus::MetricFamily& family : part->Collect()) {
        const auto [place, is_new] = places.try_emplace(family.name, families.size());
        if (is_new) {
          families.push_back(std::move(family));
        } else {
          std::ranges::move(family.metric, std::back_inserter(families[place->second].metric));
        }
      }
    }
    return families;
  }

 private:
  const Collectables parts_;
};

void Connect(const std::string& host, int port) {
  char error[128];
  mg_connection* const connection =
      mg_connect_client(host.c_str(), port, /*use_ssl=*/0, error, sizeof(error));
  if (connection != nullptr) mg_close_connection(connection);
}

bool IsHostCharacter(char c) { return absl::ascii_isalnum(c) || absl::StrContains("._-", c); }

}  // namespace

// Refuses what else the HTTP library takes, such as lists and encryption.
absl::Status CheckMetricsAddress(const std::string& address) {
  const size_t colon = std::min(address.find(':'), address.size());
  const std::string host = address.substr(0, colon);
  const std::string port = address.substr(std::min(colon + 1, address.size()));
  int32_t number = 0;
  if (!host.empty() && absl::c_all_of(host, IsHostCharacter) &&
      absl::c_all_of(port, absl::ascii_isdigit) && absl::SimpleAtoi(port, &number) &&
      number <= kMaxPort) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--metrics_listen is \"", address,
      "\", must be a host name or IPv4 address and a port, as in 127.0.0.1:9464, or empty"));
}

absl::StatusOr<std::unique_ptr<MetricsExposer>> MetricsExposer::Start(const std::string& address,
                                                                      Collectables collectables) {
  CHIMERA_RETURN_IF_ERROR(CheckMetricsAddress(address));
  std::unique_ptr<MetricsExposer> exposer(new MetricsExposer(std::move(collectables)));
  CHIMERA_RETURN_IF_ERROR(exposer->Listen(address));
  return exposer;
}

MetricsExposer::MetricsExposer(Collectables collectables)
    : collectable_(std::make_shared<MergedCollectables>(std::move(collectables))) {}

MetricsExposer::~MetricsExposer() {
  if (exposer_ == nullptr) return;
  std::atomic<bool> has_stopped = false;
  std::thread waker([this, &has_stopped] {
    while (!has_stopped) {
      Connect(host_, port_);
      std::this_thread::sleep_for(kWakeInterval);
    }
  });
  exposer_.reset();
  has_stopped = true;
  waker.join();
}

absl::Status MetricsExposer::Listen(const std::string& address) {
  const StartLog log;
  try {
    CivetCallbacks callbacks;
    callbacks.log_message = TakeLogMessage;
    // A client that stalls must not hold one of the two threads for the library's 30 seconds.
    const std::vector<std::string> options = {"listening_ports",    address, "num_threads", "2",
                                              "request_timeout_ms", "5000"};
    exposer_ = std::make_unique<prometheus::Exposer>(options, &callbacks);
    exposer_->RegisterCollectable(collectable_, kPath);
    host_ = address.substr(0, address.find(':'));
    port_ = exposer_->GetListeningPorts().at(0);
  } catch (const std::exception& exception) {
    const std::string cause = log.text().empty() ? exception.what() : log.text();
    return absl::UnavailableError(
        absl::StrCat("--metrics_listen: cannot serve metrics on ", address, ": ", cause));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MetricsExposer>> ServeMetrics(const std::string& address,
                                                             Collectables registries) {
  if (address.empty()) return nullptr;
  registries.push_back(std::make_shared<ProcessCollector>());
  return MetricsExposer::Start(address, std::move(registries));
}

}  // namespace chimera
