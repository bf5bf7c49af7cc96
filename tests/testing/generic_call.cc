#include "tests/testing/generic_call.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <utility>
#include <vector>

#include "common/base/check.h"

namespace chimera::testing {
namespace {

struct Answer {
  grpc::Status status;
  std::string message;  // the first one received
};

// Waits for the operation in flight. Returns whether it succeeded.
bool Next(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  CHIMERA_CHECK(queue.Next(&tag, &ok)) << "the queue is shut down";
  return ok;
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

// Sends one serialised message and reads one.
Answer Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
            const std::string& message) {
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::GenericStub stub(channel);
  const auto stream = stub.PrepareCall(&context, method, &queue);
  Answer answer;
  stream->StartCall(nullptr);
  if (Next(queue)) {
    const grpc::Slice slice(message);
    stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    Next(queue);
    grpc::ByteBuffer received;
    stream->Read(&received, nullptr);
    if (Next(queue)) answer.message = ToString(received);
  }
  stream->Finish(&answer.status, nullptr);
  Next(queue);
  return answer;
}

// A field of type string or message with a number and a length below 128, on the wire.
std::string Field(int number, const std::string& value) {
  CHIMERA_CHECK(number < 16 && value.size() < 128) << "takes more than one byte";
  const std::string header = {static_cast<char>(number << 3 | 2), static_cast<char>(value.size())};
  return header + value;
}

}  // namespace

Health CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const Answer answer = Call(channel, "/grpc.health.v1.Health/Check", Field(1, service));
  if (answer.status.error_code() == grpc::StatusCode::NOT_FOUND) return Health::kUnknownService;
  if (!answer.status.ok()) return Health::kUnreachable;
  // HealthCheckResponse.status is field 1, a varint; SERVING is 1.
  return answer.message == "\x08\x01" ? Health::kServing : Health::kNotServing;
}

std::string ListServices(const std::shared_ptr<grpc::Channel>& channel) {
  // ServerReflectionRequest.list_services is field 7.
  return Call(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              Field(7, "*"))
      .message;
}

}  // namespace chimera::testing
