#include "tests/e2e/lossless_grid.h"

#include <iostream>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "common/model/default_model_path.h"
#include "tests/e2e/prompts.h"
#include "tests/testing/child_process.h"

namespace chimera::testing {
namespace {

// Enough for one long reply, not for those of all clients.
constexpr int32_t kFewPages = 28;

// Clients whose long replies take pages away from the others.
constexpr uint32_t kDisturbers = 6;

// Some of them ask for short answers, so that the model's own end of reply comes within max_tokens.
std::vector<std::string> MakePrompts(int count) {
  std::vector<std::string> prompts = ReadPrompts(count);
  for (size_t i = 1; i < prompts.size(); i += 4) prompts[i] += " Answer with one word.";
  return prompts;
}

}  // namespace

void LosslessGrid::SetUp() { OpenModel(chimera::DefaultModelPath()); }

std::vector<v1::GenerateRequest> LosslessGrid::MakeRequests() const {
  std::vector<v1::GenerateRequest> requests;
  for (const std::string& prompt : MakePrompts(size_.prompts)) {
    for (const float temperature : {0.0f, 0.7f, 1.0f, 1.2f}) {
      v1::GenerateRequest request;
      v1::ChatMessage* const message = request.mutable_messages()->add_messages();
      message->set_role("user");
      message->set_content(prompt);
      request.mutable_sampling()->set_temperature(temperature);
      if (temperature == 0.7f) request.mutable_sampling()->set_top_p(0.95f);
      if (temperature == 1.2f) {
        request.mutable_sampling()->set_top_k(40);
        request.mutable_sampling()->set_min_p(0.05f);
        request.mutable_sampling()->set_top_p(0.9f);
      }
      request.mutable_sampling()->set_seed(requests.size());
      request.mutable_stop()->set_max_tokens(kMaxTokens);
      if (requests.size() % 4 == 3) request.mutable_stop()->add_stop_strings(",");
      request.mutable_speculation()->set_max_nodes(kMaxNodes);
      request.mutable_speculation()->set_max_depth(kDepth);
      requests.push_back(request);
    }
  }
  return requests;
}

void LosslessGrid::MakeGolden(const GridSize& size) {
  size_ = size;
  requests_ = MakeRequests();
  static auto* const known = new std::map<int, std::vector<ClientReply>>();
  std::vector<ClientReply>& golden = (*known)[size.prompts];
  if (golden.empty()) golden = AskFreshProcess();
  golden_ = golden;
}

std::vector<ClientReply> LosslessGrid::AskFreshProcess() {
  const std::string address = "unix:" + directory_.path() + "/golden.sock";
  const ChildProcess verifier(CHIMERA_VERIFIER_BINARY, {"--model", chimera::DefaultModelPath(),
                                                        "--listen", address, "--metrics_listen="});
  Connect(address);
  std::vector<ClientReply> replies = GenerateAll(requests_, 1);
  for (const ClientReply& reply : replies) {
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message() << "\n" << verifier.Errors();
    EXPECT_EQ(reply.complete.speculation().draft_nodes(), 0);
  }
  return replies;
}

void LosslessGrid::ExpectLossless() {
  for (const GridCell& cell : size_.cells) {
    SCOPED_TRACE(::testing::Message()
                 << "concurrency " << cell.concurrency << " chunk " << cell.prefill_chunk
                 << " few pages " << cell.few_pages << " disturbed " << cell.disturbed);
    VerifierConfig config = MakeVerifierConfig(Drafters::kOne);
    config.engine.prefill_chunk = cell.prefill_chunk;
    config.engine.canary_fraction = 1;
    if (cell.few_pages) config.kv_page_count = kFewPages;
    StartVerifier(config);
    ASSERT_TRUE(DrafterIsReady());
    const std::vector<ClientReply> replies = cell.disturbed
                                                 ? DecodeDisturbed(cell.concurrency)
                                                 : GenerateAll(requests_, cell.concurrency);
    for (size_t i = 0; i < replies.size(); ++i) {
      EXPECT_EQ(Answer(replies[i]), Answer(golden_[i])) << "request " << i;
      AddEvidence(replies[i]);
    }
    AddServerEvidence();
  }
  std::cout << evidence_.draft_nodes << " draft nodes; " << evidence_.full_tokens << " tokens in "
            << evidence_.full_steps
            << " steps of replies that max_tokens ended; ends inside paths: "
            << evidence_.eos_inside_path << " EOS, " << evidence_.stop_string_inside_path
            << " stop string, " << evidence_.max_tokens_inside_path << " max_tokens; "
            << evidence_.preemptions << " preemptions, " << evidence_.prefix_hit_tokens
            << " prompt tokens from the prefix cache, " << evidence_.canary_replays
            << " replies checked by the canary" << std::endl;
}

std::vector<ClientReply> LosslessGrid::DecodeDisturbed(int concurrency) {
  std::atomic<bool> done = false;
  std::vector<std::thread> disturbers;
  disturbers.reserve(kDisturbers);
  for (uint32_t seed = 0; seed < kDisturbers; ++seed) {
    disturbers.emplace_back([&, seed] { Disturb(seed, done); });
  }
  std::vector<ClientReply> replies = GenerateAll(requests_, concurrency);
  done = true;
  for (std::thread& disturber : disturbers) disturber.join();
  return replies;
}

void LosslessGrid::Disturb(uint32_t seed, const std::atomic<bool>& done) {
  std::mt19937 random(seed);
  while (!done) {
    v1::GenerateRequest request = requests_[random() % requests_.size()];
    request.mutable_stop()->Clear();
    request.mutable_stop()->set_max_tokens(200);
    request.mutable_stop()->set_ignore_eos(true);
    grpc::ClientContext context;
    const auto reader = stub_->Generate(&context, request);
    v1::GenerateResponse response;
    for (uint32_t left = 100 + random() % 100; left > 0 && reader->Read(&response); --left) {
    }
    context.TryCancel();
    reader->Finish();
  }
}

void LosslessGrid::AddServerEvidence() {
  const VerifierMetrics& metrics = verifier_->metrics();
  EXPECT_EQ(metrics.canary.mismatches.Value(), 0);
  evidence_.preemptions += static_cast<int64_t>(metrics.kv_cache.preemptions.Value());
  evidence_.prefix_hit_tokens += static_cast<int64_t>(metrics.kv_cache.prefix_hit_tokens.Value());
  evidence_.canary_replays += static_cast<int64_t>(metrics.canary.replays.Value());
}

void LosslessGrid::AddEvidence(const ClientReply& reply) {
  const int32_t steps = reply.complete.speculation().steps();
  const int32_t tokens = reply.complete.usage().completion_tokens() - 1;
  evidence_.draft_nodes += reply.complete.speculation().draft_nodes();
  const bool is_full = reply.complete.finish_reason() == v1::FINISH_REASON_LENGTH;
  if (is_full) {
    evidence_.full_steps += steps;
    evidence_.full_tokens += tokens;
  }
  // If every step but the last accepted a whole path, and the last one more than a token.
  const bool inside_path =
      steps == (tokens + kDepth) / (kDepth + 1) && tokens > 0 && tokens % (kDepth + 1) != 1;
  if (!inside_path) return;
  if (is_full) {
    ++evidence_.max_tokens_inside_path;
  } else if (reply.token_ids.back() == model_->vocabulary().eos_id) {
    ++evidence_.eos_inside_path;
  } else {
    ++evidence_.stop_string_inside_path;
  }
}

KnownSequences LosslessGrid::GoldenSequences() {
  StartVerifier(MakeVerifierConfig(Drafters::kNone));
  KnownSequences sequences;
  for (size_t i = 0; i < requests_.size(); ++i) {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    *request.mutable_messages() = requests_[i].messages();
    v1::TokenizeResponse prompt;
    EXPECT_TRUE(stub_->Tokenize(&context, request, &prompt).ok());
    std::vector<int32_t>& sequence = sequences[requests_[i].sampling().seed()];
    sequence.assign(prompt.token_ids().begin(), prompt.token_ids().end());
    sequence.insert(sequence.end(), golden_[i].token_ids.begin(), golden_[i].token_ids.end());
    // Replies shall end inside accepted paths, not where the drafts end.
    sequence.insert(sequence.end(), kDepth, 0);
  }
  return sequences;
}

}  // namespace chimera::testing
