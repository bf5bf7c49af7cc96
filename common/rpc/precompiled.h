// What most sources of services and clients include: compiled once for all of them where
// CHIMERA_PRECOMPILE is on. Never included by name.

#ifndef CHIMERA_COMMON_RPC_PRECOMPILED_H_
#define CHIMERA_COMMON_RPC_PRECOMPILED_H_

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "chimera/v1/drafter_service.grpc.pb.h"
#include "chimera/v1/generation_service.grpc.pb.h"

#endif  // CHIMERA_COMMON_RPC_PRECOMPILED_H_
