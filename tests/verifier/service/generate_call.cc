#include "tests/verifier/service/generate_call.h"

#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/tokenizer/utf8.h"

namespace chimera::testing {

GenerateCall::GenerateCall(v1::GenerationService::Stub* stub, const v1::GenerateRequest& request,
                           std::chrono::milliseconds timeout) {
  context_.set_deadline(std::chrono::system_clock::now() + timeout);
  reader_ = stub->Generate(&context_, request);
}

GenerateCall::~GenerateCall() {
  if (is_finished_) return;
  Cancel();
  while (ReadOne()) {
  }
  Finish();
}

bool GenerateCall::ReadOne() {
  v1::GenerateResponse response;
  if (is_finished_ || !reader_->Read(&response)) return false;
  EXPECT_FALSE(is_complete_) << "a message after the last: " << response.ShortDebugString();
  if (response.has_complete()) {
    is_complete_ = true;
    reply_.complete = response.complete();
    return true;
  }
  const v1::GenerateChunk& chunk = response.chunk();
  EXPECT_TRUE(chunk.token_ids_size() > 0 || !chunk.text().empty()) << "an empty chunk";
  EXPECT_EQ(ValidUtf8Prefix(chunk.text()), chunk.text().size()) << "half a character";
  reply_.token_ids.insert(reply_.token_ids.end(), chunk.token_ids().begin(),
                          chunk.token_ids().end());
  reply_.text += chunk.text();
  reply_.chunks.push_back(chunk);
  return true;
}

const Reply& GenerateCall::Finish() {
  while (ReadOne()) {
  }
  if (!is_finished_) {
    is_finished_ = true;
    reply_.status = FromGrpcStatus(reader_->Finish(), context_);
    EXPECT_TRUE(is_complete_ || !reply_.status.ok()) << "no message at the end";
  }
  return reply_;
}

std::string ReasonAndField(const absl::Status& status) {
  const std::optional<v1::ErrorDetail> detail = GetErrorDetail(status);
  if (!detail.has_value()) return "";
  const std::string name = v1::ErrorReason_Name(detail->reason());
  const absl::string_view reason = absl::StripPrefix(name, "ERROR_REASON_");
  return detail->field().empty() ? std::string(reason) : absl::StrCat(reason, " ", detail->field());
}

}  // namespace chimera::testing
