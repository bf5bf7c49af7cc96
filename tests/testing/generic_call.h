// Calls to the services that gRPC itself brings, whose generated code Debian does not ship.

#ifndef CHIMERA_TESTS_TESTING_GENERIC_CALL_H_
#define CHIMERA_TESTS_TESTING_GENERIC_CALL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

namespace chimera::testing {

// What grpc.health.v1.Health/Check says of a service.
enum class Health { kUnreachable, kUnknownService, kServing, kNotServing };

Health CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service);

// The reflection service's list of services as the serialised message, which holds their full names
// as text; empty if there is no reflection.
std::string ListServices(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_GENERIC_CALL_H_
