// Limits that both ends of every connection share.

#ifndef CHIMERA_COMMON_RPC_TRANSPORT_LIMITS_H_
#define CHIMERA_COMMON_RPC_TRANSPORT_LIMITS_H_

#include <chrono>

namespace chimera {

// Largest message either end accepts, in bytes. gRPC's own default of 4 MiB is too small for a
// batch of hidden states.
inline constexpr int kMaxMessageBytes = 16 << 20;

// When an end of a connection asks the other for a sign of life, and how long it waits for one.
struct Keepalive {
  std::chrono::milliseconds interval = std::chrono::seconds(10);
  std::chrono::milliseconds timeout = std::chrono::seconds(3);
};

// Servers refuse peers that ping more often than this. Below every Keepalive::interval in use.
inline constexpr std::chrono::milliseconds kMinPingInterval = std::chrono::seconds(5);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_TRANSPORT_LIMITS_H_
