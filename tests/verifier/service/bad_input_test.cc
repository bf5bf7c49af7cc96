// Requests that no client should send. Each gets an error that names the field and the limit, or is
// harmless, and the server goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/verifier/service/service_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
constexpr int32_t kMost = std::numeric_limits<int32_t>::max();

using Change = std::function<void(v1::GenerateRequest&)>;

// Changes of one number.
Change Temperature(float value) {
  return [value](auto& request) { request.mutable_sampling()->set_temperature(value); };
}
Change TopP(float value) {
  return [value](auto& request) { request.mutable_sampling()->set_top_p(value); };
}
Change MinP(float value) {
  return [value](auto& request) { request.mutable_sampling()->set_min_p(value); };
}
Change TopK(int32_t value) {
  return [value](auto& request) { request.mutable_sampling()->set_top_k(value); };
}
Change MaxTokens(int32_t value) {
  return [value](auto& request) { request.mutable_stop()->set_max_tokens(value); };
}
Change MaxNodes(int32_t value) {
  return [value](auto& request) { request.mutable_speculation()->set_max_nodes(value); };
}
Change MaxDepth(int32_t value) {
  return [value](auto& request) { request.mutable_speculation()->set_max_depth(value); };
}
Change StopToken(int32_t value) {
  return [value](auto& request) { request.mutable_stop()->add_stop_token_ids(value); };
}
Change Mode(int value) {
  return [value](auto& request) {
    request.mutable_speculation()->set_mode(static_cast<v1::SpeculationMode>(value));
  };
}

Change Text(const std::string& text) {
  return [text](auto& request) { request.set_text(text); };
}
Change Ids(const std::vector<int32_t>& ids) {
  return [ids](auto& request) {
    request.mutable_token_ids()->mutable_ids()->Assign(ids.begin(), ids.end());
  };
}
Change Messages(int count, const std::string& role, const std::string& content) {
  return [=](auto& request) {
    for (int i = 0; i < count; ++i) {
      v1::ChatMessage* message = request.mutable_messages()->add_messages();
      message->set_role(i == 0 ? "user" : role);
      message->set_content(content);
    }
  };
}
Change StopStrings(int count, const std::string& text) {
  return [=](auto& request) {
    for (int i = 0; i < count; ++i) request.mutable_stop()->add_stop_strings(text);
  };
}
Change StopTokens(int count) {
  return [=](auto& request) {
    for (int i = 0; i < count; ++i) request.mutable_stop()->add_stop_token_ids(5);
  };
}
Change RequestId(const std::string& id) {
  return [id](auto& request) { request.set_request_id(id); };
}

class BadInputTest : public ServiceFixture {
 protected:
  BadInputTest() {
    Start(Config());
    good_reply_ = Generate(Changed([](auto&) {}));
  }

  // A small request that is right but for `change`.
  static v1::GenerateRequest Changed(const Change& change) {
    v1::GenerateRequest request = TextRequest("the rain", 5);
    request.mutable_sampling()->set_temperature(0.5f);
    request.mutable_sampling()->set_seed(7);
    change(request);
    return request;
  }

  void ExpectGoodRequestWorks() {
    EXPECT_EQ(Generate(Changed([](auto&) {})).token_ids, good_reply_.token_ids);
  }

  Reply good_reply_;
};

TEST_F(BadInputTest, IsRefusedWithFieldAndLimit) {
  const std::string too_long(10 << 20, 'a');
  const struct {
    const char* name;
    Change change;
    const char* reason_and_field;
    const char* message;
  } cases[] = {
      {"no prompt", [](auto& request) { request.clear_prompt(); }, "INVALID_FIELD prompt",
       "prompt is required: text, messages or token_ids"},
      {"empty text", Text(""), "INVALID_FIELD prompt", "prompt is empty, must have at least 1"},
      {"no ids", Ids({}), "INVALID_FIELD prompt", "prompt is empty, must have at least 1 token"},
      {"10 MiB of text", Text(too_long), "INVALID_FIELD text",
       "text has 10485760 bytes, at most 4194304"},
      {"a text beyond the context", Text(std::string(4 << 20, '.')), "PROMPT_TOO_LONG prompt",
       "prompt has 4194304 tokens, at most 511 fit"},
      {"ids beyond the context", Ids(std::vector<int32_t>(10 << 20, 5)), "PROMPT_TOO_LONG prompt",
       "prompt has 10485760 tokens, at most 511 fit"},
      {"negative id", Ids({5, -1}), "INVALID_FIELD token_ids.ids[1]",
       "token_ids.ids[1] is -1, must be in [0, 320)"},
      {"least id", Ids({kLeast}), "INVALID_FIELD token_ids.ids[0]", "must be in [0, 320)"},
      {"first id beyond", Ids({319, 320}), "INVALID_FIELD token_ids.ids[1]", "is 320, must be in"},
      {"greatest id", Ids({kMost}), "INVALID_FIELD token_ids.ids[0]", "must be in [0, 320)"},
      {"no message", [](auto& request) { request.mutable_messages(); },
       "INVALID_FIELD messages.messages", "messages.messages has 0 entries, must have 1 to 1024"},
      {"many messages", Messages(1025, "user", "a"), "INVALID_FIELD messages.messages",
       "messages.messages has 1025 entries, must have 1 to 1024"},
      {"10 MiB in messages", Messages(2, "user", too_long.substr(0, 5 << 20)),
       "INVALID_FIELD messages.messages", "has 10485768 bytes, at most 4194304"},
      {"messages beyond the context", Messages(1024, "user", ""), "PROMPT_TOO_LONG prompt",
       "at most 511 fit"},
      {"unknown role", Messages(2, "oracle", "a"), "INVALID_FIELD messages.messages[1].role",
       "messages.messages[1].role \"oracle\" is not one of system, user, assistant"},
      {"no role", Messages(2, "", "a"), "INVALID_FIELD messages.messages[1].role",
       "is not one of system, user, assistant"},
      {"NaN temperature", Temperature(kNan), "INVALID_FIELD sampling.temperature",
       "sampling.temperature must be in [0, 100], got nan"},
      {"infinite temperature", Temperature(kInfinity), "INVALID_FIELD sampling.temperature",
       "must be in [0, 100], got inf"},
      {"lowest temperature", Temperature(-kInfinity), "INVALID_FIELD sampling.temperature",
       "must be in [0, 100], got -inf"},
      {"negative temperature", Temperature(-kTiny), "INVALID_FIELD sampling.temperature",
       "must be in [0, 100]"},
      {"high temperature", Temperature(100.5f), "INVALID_FIELD sampling.temperature",
       "must be in [0, 100], got 100.5"},
      {"negative top_k", TopK(-1), "INVALID_FIELD sampling.top_k",
       "sampling.top_k must be 0 (off) or positive, got -1"},
      {"least top_k", TopK(kLeast), "INVALID_FIELD sampling.top_k", "got -2147483648"},
      {"negative min_p", MinP(-0.1f), "INVALID_FIELD sampling.min_p",
       "sampling.min_p must be in [0, 1], got -0.1"},
      {"high min_p", MinP(1.1f), "INVALID_FIELD sampling.min_p", "must be in [0, 1], got 1.1"},
      {"NaN min_p", MinP(kNan), "INVALID_FIELD sampling.min_p", "must be in [0, 1], got nan"},
      {"zero top_p", TopP(0), "INVALID_FIELD sampling.top_p",
       "sampling.top_p must be in (0, 1], got 0"},
      {"negative top_p", TopP(-1), "INVALID_FIELD sampling.top_p", "must be in (0, 1], got -1"},
      {"high top_p", TopP(1.5f), "INVALID_FIELD sampling.top_p", "must be in (0, 1], got 1.5"},
      {"infinite top_p", TopP(kInfinity), "INVALID_FIELD sampling.top_p", "got inf"},
      {"NaN top_p", TopP(kNan), "INVALID_FIELD sampling.top_p", "must be in (0, 1], got nan"},
      {"no tokens", MaxTokens(0), "INVALID_FIELD stop.max_tokens",
       "stop.max_tokens is 0, must be positive"},
      {"negative max_tokens", MaxTokens(-5), "INVALID_FIELD stop.max_tokens", "must be positive"},
      {"least max_tokens", MaxTokens(kLeast), "INVALID_FIELD stop.max_tokens", "must be positive"},
      {"empty stop string", StopStrings(2, ""), "INVALID_FIELD stop.stop_strings[0]",
       "stop.stop_strings[0] has 0 bytes, must have 1 to 256"},
      {"long stop string", StopStrings(1, std::string(257, 'a')),
       "INVALID_FIELD stop.stop_strings[0]", "has 257 bytes, must have 1 to 256"},
      {"many stop strings", StopStrings(17, "a"), "INVALID_FIELD stop.stop_strings",
       "stop.stop_strings has 17 entries, at most 16"},
      {"many stop tokens", StopTokens(65), "INVALID_FIELD stop.stop_token_ids",
       "stop.stop_token_ids has 65 entries, at most 64"},
      {"negative stop token", StopToken(-1), "INVALID_FIELD stop.stop_token_ids[0]",
       "stop.stop_token_ids[0] is -1, must be in [0, 320)"},
      {"unknown stop token", StopToken(320), "INVALID_FIELD stop.stop_token_ids[0]",
       "is 320, must be in [0, 320)"},
      {"unknown mode", Mode(9), "INVALID_FIELD speculation.mode", "speculation.mode is 9, unknown"},
      {"negative mode", Mode(-1), "INVALID_FIELD speculation.mode", "is -1, unknown"},
      {"no nodes", MaxNodes(0), "INVALID_FIELD speculation.max_nodes",
       "speculation.max_nodes is 0, must be in [1, 63]"},
      {"many nodes", MaxNodes(64), "INVALID_FIELD speculation.max_nodes", "must be in [1, 63]"},
      {"least nodes", MaxNodes(kLeast), "INVALID_FIELD speculation.max_nodes", "in [1, 63]"},
      {"greatest nodes", MaxNodes(kMost), "INVALID_FIELD speculation.max_nodes", "in [1, 63]"},
      {"no depth", MaxDepth(0), "INVALID_FIELD speculation.max_depth",
       "speculation.max_depth is 0, must be in [1, 15]"},
      {"deep", MaxDepth(16), "INVALID_FIELD speculation.max_depth", "is 16, must be in [1, 15]"},
      {"negative depth", MaxDepth(-1), "INVALID_FIELD speculation.max_depth", "in [1, 15]"},
      {"long id", RequestId(std::string(129, 'x')), "INVALID_FIELD request_id",
       "request_id has 129 bytes, at most 128"},
  };
  for (const auto& [name, change, reason_and_field, message] : cases) {
    SCOPED_TRACE(name);
    const Reply reply = Generate(Changed(change));
    EXPECT_THAT(reply.status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
    EXPECT_EQ(ReasonAndField(reply.status), reason_and_field);
    EXPECT_THAT(reply.chunks, IsEmpty());
  }
  ExpectIdle();
  ExpectGoodRequestWorks();
}

TEST_F(BadInputTest, ExtremeValuesInRangeAreServed) {
  const struct {
    const char* name;
    Change change;
  } cases[] = {
      {"one token", Ids({0})},
      {"control tokens", Ids({0, 1, 2, 1, 2, 0})},
      {"a text of special tokens", Text("<|im_end|><|im_end|><|endoftext|>")},
      {"a null byte", Text(std::string(3, '\0'))},
      {"messages without content", Messages(3, "assistant", "")},
      {"a late system line", Messages(2, "system", "be brief")},
      {"tiniest temperature", Temperature(kTiny)},
      {"negative zero", Temperature(-0.0f)},
      {"highest temperature", Temperature(100)},
      {"greatest top_k", TopK(kMost)},
      {"top_k of one", TopK(1)},
      {"min_p of one", MinP(1)},
      {"tiniest top_p", TopP(kTiny)},
      {"greatest max_tokens",
       [](auto& request) {
         request.mutable_stop()->set_max_tokens(kMost);
         request.mutable_stop()->add_stop_strings("e");
       }},
      {"longest stop strings", StopStrings(16, std::string(256, 'e'))},
      {"most stop tokens", StopTokens(64)},
      {"unspecified mode", Mode(0)},
      {"most nodes", MaxNodes(63)},
      {"deepest", MaxDepth(15)},
      {"longest id", RequestId(std::string(128, '\n'))},
      {"extreme seeds", [](auto& request) { request.mutable_sampling()->set_seed(UINT64_MAX); }},
  };
  for (const auto& [name, change] : cases) {
    SCOPED_TRACE(name);
    CHIMERA_EXPECT_OK(Generate(Changed(change)).status);
  }
  ExpectIdle();
  ExpectGoodRequestWorks();
}

}  // namespace
}  // namespace chimera::testing
