// What clients and operators are told of speculation.

#ifndef CHIMERA_VERIFIER_SERVICE_SPECULATION_MESSAGES_H_
#define CHIMERA_VERIFIER_SERVICE_SPECULATION_MESSAGES_H_

#include "chimera/v1/generation_service.pb.h"
#include "verifier/engine/generation_request.h"
#include "verifier/engine/speculation_control.h"

namespace chimera {

// Of one reply.
void ToProto(const GenerationResult& result, v1::SpeculationStats* proto);

// Of the server.
void ToProto(const SpeculationStatus& status, v1::SpeculationInfo* proto);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_SPECULATION_MESSAGES_H_
