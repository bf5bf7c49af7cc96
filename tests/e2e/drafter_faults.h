// What drafters and the links to them do to a verifier under load, as often as a test says.
// Whatever happens, every reply must be the golden one: that of plain decoding, one request at a
// time.

#ifndef CHIMERA_TESTS_E2E_DRAFTER_FAULTS_H_
#define CHIMERA_TESTS_E2E_DRAFTER_FAULTS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/child_process.h"

namespace chimera::testing {

// Clients that ask again and again while the object lives, one thread per stream.
class ClientLoad {
 public:
  ClientLoad(int streams, const std::function<void(int stream)>& ask);
  // Lets each finish what it has asked for.
  ~ClientLoad();
  ClientLoad(const ClientLoad&) = delete;
  ClientLoad& operator=(const ClientLoad&) = delete;

  int64_t answered() const { return answered_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> answered_ = 0;
  std::vector<std::thread> clients_;
};

// What a test puts load on.
struct FaultLoad {
  std::string model_path;
  int streams = 0;
  int32_t max_tokens = 32;
};

class DrafterFaults : public E2eFixture {
 protected:
  // Makes one request per stream, and asks for their golden replies. First of all.
  void MakeGolden(const FaultLoad& load);

  // As MakeVerifierConfig, with room for all streams.
  VerifierConfig MakeConfig(Drafters drafters) const;

  // Asks all at once, and expects the golden replies.
  std::vector<ClientReply> ExpectGolden();

  // A drafter process that listens where the verifier looks for it, soon.
  std::unique_ptr<ChildProcess> StartDrafterProcess() const;
  static bool Listens(const ChildProcess& process);

  // kill -9 at random moments: while it starts, while it shakes hands, while it drafts. Returns the
  // longest time from a drafter's listening to its first draft.
  std::chrono::milliseconds KillDrafter(int kills);

  // SIGSTOP for so long, and until the verifier has given the drafter up. Returns the longest time
  // from SIGCONT to the next draft.
  std::chrono::milliseconds PauseDrafter(int pauses, std::chrono::milliseconds duration);

  // A link that is `delay` late in either direction, and a verifier that does not wait so long for
  // a draft, then one that does. `delay` must be longer than the usual deadline. Returns how much
  // longer than without a drafter the first one takes for all replies, as a factor.
  double DelayLink(std::chrono::milliseconds delay);

  // A drafter that sends so many drafts, most of them wrong (HostileDrafter). Returns by how many
  // bytes the memory in use grows from the first tenth of them to the last.
  int64_t SendHostileDrafts(int64_t drafts);

  int64_t UsedDrafts() { return ServerInfo().drafters(0).drafts_used(); }

  FaultLoad load_;
  std::vector<v1::GenerateRequest> requests_;
  std::vector<ClientReply> golden_;

 private:
  // Clients of all streams that expect the golden replies.
  std::unique_ptr<ClientLoad> StartClients();
  // How long all replies take, the fastest of three times.
  std::chrono::milliseconds TimeReplies();
  // Waits until more than `drafts` were used since the first; false if that does not happen.
  bool DraftsUntil(int64_t drafts);
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_DRAFTER_FAULTS_H_
