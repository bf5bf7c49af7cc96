#include "tools/chimera/request.h"

namespace chimera {

v1::GenerateRequest NewRequest(const RequestConfig& config, v1::SpeculationMode speculation) {
  v1::GenerateRequest request;
  *request.mutable_sampling() = config.sampling;
  *request.mutable_stop() = config.stop;
  request.mutable_speculation()->set_mode(speculation);
  return request;
}

void AddMessage(const std::string& role, const std::string& content, v1::GenerateRequest& request) {
  v1::ChatMessage* message = request.mutable_messages()->add_messages();
  message->set_role(role);
  message->set_content(content);
}

}  // namespace chimera
