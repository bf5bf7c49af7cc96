// What a Unix socket's file needs before a server binds it.

#ifndef CHIMERA_COMMON_RPC_UNIX_SOCKET_H_
#define CHIMERA_COMMON_RPC_UNIX_SOCKET_H_

#include <string>

#include "absl/status/status.h"

namespace chimera {

// Makes `path` free to bind: removes the socket that a dead server left behind. ALREADY_EXISTS if a
// server answers there, FAILED_PRECONDITION if the file is no socket, NOT_FOUND if its directory
// does not exist; nothing is removed then.
absl::Status PrepareUnixSocketPath(const std::string& path);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_UNIX_SOCKET_H_
