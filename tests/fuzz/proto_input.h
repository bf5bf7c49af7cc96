// Messages of a protocol as inputs of a fuzzer.

#ifndef CHIMERA_TESTS_FUZZ_PROTO_INPUT_H_
#define CHIMERA_TESTS_FUZZ_PROTO_INPUT_H_

#include <google/protobuf/message.h>

#include "absl/strings/string_view.h"

namespace chimera::testing {

// Reads `message` from `input`: in protobuf's text format if it begins with a comment ("#"), which
// a message on the wire does not, else as it is on the wire. False if it is neither.
bool ReadTextOrWire(absl::string_view input, google::protobuf::Message* message);

// Reads `message` from JSON. False if that is not what `input` is.
bool ReadJson(absl::string_view input, google::protobuf::Message* message);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_FUZZ_PROTO_INPUT_H_
