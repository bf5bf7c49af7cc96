#include "tests/e2e/service_process.h"

#include <grpc/grpc.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "common/rpc/channel.h"
#include "tests/testing/eventually.h"

namespace chimera::testing {

ServiceProcess::ServiceProcess(const std::string& program, std::vector<std::string> arguments) {
  // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
  static const bool initialized = (grpc_init(), true);
  static_cast<void>(initialized);
  address_.unix_path = directory_.path() + "/service.sock";
  arguments.insert(arguments.begin(), {"--listen", address_.ToString(), "--metrics_listen="});
  process_ = std::make_unique<ChildProcess>(program, std::move(arguments));
  EXPECT_TRUE(Eventually([this] {
    return process_->Output().find("listening on") != std::string::npos;
  })) << process_->Errors();
}

std::shared_ptr<grpc::Channel> ServiceProcess::NewChannel() const {
  return CreateChannel(address_);
}

std::unique_ptr<v1::GenerationService::Stub> ServiceProcess::NewStub() const {
  return v1::GenerationService::NewStub(NewChannel());
}

ProcessStats ServiceProcess::Stats() const {
  const absl::StatusOr<ProcessStats> stats = ReadProcessStats(pid());
  if (!stats.ok()) std::cerr << process_->Errors() << std::endl;
  return stats.value();
}

v1::GetServerInfoResponse GetServerInfo(v1::GenerationService::Stub* stub) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kEventuallyTimeout);
  v1::GetServerInfoResponse response;
  const grpc::Status status = stub->GetServerInfo(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

bool WaitUntilIdle(v1::GenerationService::Stub* stub) {
  return Eventually([stub] {
    const v1::GetServerInfoResponse info = GetServerInfo(stub);
    return info.running_requests() == 0 && info.waiting_requests() == 0;
  });
}

bool WaitForDrafter(v1::GenerationService::Stub* stub) {
  return Eventually([stub] {
    const v1::GetServerInfoResponse info = GetServerInfo(stub);
    return info.drafters_size() == 1 && info.drafters(0).state() == v1::DRAFTER_STATE_READY;
  });
}

std::chrono::seconds SecondsFromEnvironment(const char* name, std::chrono::seconds otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::chrono::seconds(std::atoi(value));
}

}  // namespace chimera::testing
