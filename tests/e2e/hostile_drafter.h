// A drafter that sends whatever the wire can carry.

#ifndef CHIMERA_TESTS_E2E_HOSTILE_DRAFTER_H_
#define CHIMERA_TESTS_E2E_HOSTILE_DRAFTER_H_

#include <atomic>
#include <cstdint>

#include "common/model/llama_model.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"

namespace chimera::testing {

// Answers every step, with drafts in random order that are valid, spoiled in one of the known ways
// (malformed_drafter.h), made of random numbers, copies of each other, or stale: sent before. Now
// and then it breaks the rules of the stream instead: answers to other steps, twice, with drafts
// too many, or with something that is no answer. The messages depend on the seed and on what is
// asked.
class HostileDrafter {
 public:
  HostileDrafter(const Address& address, const LlamaModel& model, uint64_t seed);

  int64_t drafts() const { return drafts_; }          // sent so far
  int64_t violations() const { return violations_; }  // streams whose rules were broken

 private:
  grpc::Status Play(DraftStream& stream);

  const int32_t vocab_size_;
  const uint64_t seed_;
  std::atomic<int64_t> drafts_ = 0;
  std::atomic<int64_t> violations_ = 0;
  std::atomic<uint64_t> streams_ = 0;
  const ScriptedDrafter server_;  // last: it calls Play
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_HOSTILE_DRAFTER_H_
