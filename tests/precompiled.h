// What most tests include: compiled once for all of them where CHIMERA_BULK_COMPILE is on.
// Never included by name.

#ifndef CHIMERA_TESTS_PRECOMPILED_H_
#define CHIMERA_TESTS_PRECOMPILED_H_

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "chimera/v1/drafter_service.grpc.pb.h"
#include "chimera/v1/generation_service.grpc.pb.h"

#endif  // CHIMERA_TESTS_PRECOMPILED_H_
