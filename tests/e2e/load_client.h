// Many Generate calls at once, each timed.

#ifndef CHIMERA_TESTS_E2E_LOAD_CLIENT_H_
#define CHIMERA_TESTS_E2E_LOAD_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/base/mutex.h"

namespace chimera::testing {

// A call that has ended.
struct CallRecord {
  double first_token_seconds = 0;  // from sending the request to the first message; 0: none came
  double seconds = 0;              // to the end
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string error_message = {};
};

// Calls of gRPC's callback API, so that a call takes no thread. One thread.
class LoadClient {
 public:
  // Connects; calls go round the channels.
  explicit LoadClient(const std::vector<std::shared_ptr<grpc::Channel>>& channels);
  // Waits for the calls.
  ~LoadClient();

  // Starts a call and returns.
  void Start(const v1::GenerateRequest& request);

  // Waits until at most `count` calls are open.
  void WaitForCalls(int count);

  // The calls that have ended since it was last asked.
  std::vector<CallRecord> TakeRecords();

 private:
  class Call;
  void Ended(const CallRecord& record);

  std::vector<std::unique_ptr<v1::GenerationService::Stub>> stubs_;
  size_t next_stub_ = 0;
  Mutex mutex_;
  CondVar changed_;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<CallRecord> records_ ABSL_GUARDED_BY(mutex_);
};

// Bounds of random requests, both included.
struct RequestShape {
  int32_t min_prompt = 1;
  int32_t max_prompt = 1;
  int32_t min_tokens = 1;
  int32_t max_tokens = 1;
  int32_t first_token_id = 0;  // of those in prompts
  int32_t last_token_id = 0;
};

// A prompt of random tokens, which no prefix cache knows, and a reply of a random length.
v1::GenerateRequest RandomRequest(const RequestShape& shape, std::mt19937* random);

// A random number in [low, high].
int32_t RandomInRange(int32_t low, int32_t high, std::mt19937* random);

// The value that a share of `p` of the values do not exceed; 0 if there are none.
double Percentile(std::vector<double> values, double p);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_LOAD_CLIENT_H_
