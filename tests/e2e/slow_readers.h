// Clients that take a byte a second.

#ifndef CHIMERA_TESTS_E2E_SLOW_READERS_H_
#define CHIMERA_TESTS_E2E_SLOW_READERS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "chimera/v1/generation_service.pb.h"
#include "common/base/mutex.h"
#include "common/rpc/address.h"

namespace chimera::testing {

// Each has a connection of its own that buffers next to nothing, and reads a message whenever a
// second has passed for every byte of the one before. They leave when the object is destroyed.
class SlowReaders {
 public:
  // Starts `count` calls at `address`, the next only when the one before got its first message, and
  // reads on in a thread of its own.
  SlowReaders(const Address& address, int count,
              const std::function<v1::GenerateRequest()>& make_request);
  ~SlowReaders();

  // Messages read so far, of all readers together, and how many have read their whole reply.
  int messages() const { return messages_; }
  int ended() const { return ended_; }

 private:
  struct Reader;
  void Run();
  void ReadOne(Reader* reader);

  std::vector<std::unique_ptr<Reader>> readers_;
  std::atomic<int> messages_ = 0;
  std::atomic<int> ended_ = 0;
  Mutex mutex_;
  CondVar changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_SLOW_READERS_H_
