// Addresses of services: "unix:/path" and "host:port".

#ifndef CHIMERA_COMMON_RPC_ADDRESS_H_
#define CHIMERA_COMMON_RPC_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chimera {

// A parsed address. A plain value: a Unix socket if `unix_path` is set, else host and port.
struct Address {
  std::string unix_path = {};  // absolute
  std::string host = {};       // name, IPv4 address, or IPv6 address in brackets
  int32_t port = 0;            // 0, in addresses to listen on, lets the kernel choose

  bool is_unix() const { return !unix_path.empty(); }

  // The form that the parsers take.
  std::string ToString() const;

  friend bool operator==(const Address&, const Address&) = default;
};

// Parses an address to listen on. INVALID_ARGUMENT quotes the text and says what is wrong.
absl::StatusOr<Address> ParseListenAddress(absl::string_view text);

// Parses an address to connect to, whose port must not be 0. Errors as ParseListenAddress.
absl::StatusOr<Address> ParseDialAddress(absl::string_view text);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_ADDRESS_H_
