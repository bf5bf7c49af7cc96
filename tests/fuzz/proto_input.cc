#include "tests/fuzz/proto_input.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <string>

namespace chimera::testing {
namespace {

// Thousands of wrong inputs a second, of which nobody wants to read.
class IgnoreErrors final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

bool ReadText(const std::string& text, google::protobuf::Message* message) {
  IgnoreErrors errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(100);
  return parser.ParseFromString(text, message);
}

// Text forms let strings through that are not UTF-8, which a peer cannot send.
bool CanTravel(google::protobuf::Message* message) {
  return message->ParseFromString(message->SerializeAsString());
}

void Silence() {
  [[maybe_unused]] static const auto before = google::protobuf::SetLogHandler(nullptr);
}

}  // namespace

bool ReadTextOrWire(absl::string_view input, google::protobuf::Message* message) {
  Silence();
  if (!input.empty() && input[0] == '#') {
    return ReadText(std::string(input), message) && CanTravel(message);
  }
  return message->ParseFromArray(input.data(), static_cast<int>(input.size()));
}

bool ReadJson(absl::string_view input, google::protobuf::Message* message) {
  Silence();
  return google::protobuf::util::JsonStringToMessage(std::string(input), message).ok() &&
         CanTravel(message);
}

}  // namespace chimera::testing
