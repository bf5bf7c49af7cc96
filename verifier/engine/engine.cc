#include "verifier/engine/engine.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/tree/acceptance_walk.h"
#include "verifier/engine/draft_outcome.h"

namespace chimera {
namespace {

absl::Status ShuttingDownError() { return absl::UnavailableError("the server is shutting down"); }

absl::Status ValidateConfig(const EngineConfig& config, const BackendLimits& limits) {
  if (config.max_running_requests < 1 || config.max_running_requests > limits.slot_count) {
    return absl::InvalidArgumentError(absl::StrCat("max_running_requests is ",
                                                   config.max_running_requests, ", must be in [1, ",
                                                   limits.slot_count, "], the backend's slots"));
  }
  if (config.step_groups < 1 || config.step_groups > StepGroups::kMaxGroups) {
    return absl::InvalidArgumentError(absl::StrCat(
        "step_groups is ", config.step_groups, ", must be in [1, ", StepGroups::kMaxGroups, "]"));
  }
  const int32_t tree_rows = config.max_running_requests * TokenTree::kMaxNodes;
  if (config.prefill_chunk < 1 || config.prefill_chunk + tree_rows > limits.max_step_rows) {
    return absl::InvalidArgumentError(absl::StrCat("prefill_chunk is ", config.prefill_chunk,
                                                   ", must be in [1, ",
                                                   limits.max_step_rows - tree_rows, "]"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const EngineParts& parts,
                                                       const EngineConfig& config) {
  CHIMERA_RETURN_IF_ERROR(ValidateConfig(config, parts.backend->limits()));
  std::optional<StepTimeTable> step_times;
  if (config.planning == NodePlanning::kByStepTime) {
    CHIMERA_ASSIGN_OR_RETURN(step_times, StepTimeTable::Measure(parts.backend, *parts.clock));
  }
  return std::unique_ptr<Engine>(new Engine(parts, config, std::move(step_times)));
}

Engine::Engine(const EngineParts& parts, const EngineConfig& config,
               std::optional<StepTimeTable> step_times)
    : parts_(parts),
      config_(config),
      queue_(config.max_waiting_requests, config.max_waiting_tokens),
      recorder_(parts.metrics, parts.clock),
      coordinator_(parts.draft_sources, parts.backend->config(), config.draft, parts.clock),
      groups_(config.step_groups),
      speculation_(std::move(step_times), static_cast<int>(parts.draft_sources.size())),
      pages_(parts.backend->limits().page_count, parts.backend->numerics_id(), &coordinator_),
      scheduler_({&queue_, &coordinator_, &pages_, parts.tokenizer, &recorder_},
                 config.max_running_requests),
      canary_(config.canary_fraction, config.canary_seed, &parts.metrics->canary) {
  PublishLoad();
  thread_ = std::thread([this] { Run(); });
}

Engine::~Engine() {
  queue_.Close(ShuttingDownError());
  queue_.Stop();
  thread_.join();
}

absl::Status Engine::Submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink) {
  const int64_t positions = static_cast<int64_t>(request.prompt.size()) + request.stop.max_tokens;
  if (request.prompt.empty() || request.stop.max_tokens < 1 || positions > context_limit()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prompt of ", request.prompt.size(), " tokens and max_tokens of ", request.stop.max_tokens,
        " must both be positive and ", "together at most ", context_limit()));
  }
  return queue_.Push({std::move(request), std::move(sink), parts_.clock->Now()});
}

absl::Status Engine::Cancel(const std::string& id, const GenerationSink* sink) {
  return queue_.Cancel(id, sink);
}

void Engine::Drain(std::chrono::steady_clock::time_point deadline) {
  queue_.Close(ShuttingDownError());
  if (queue_.WaitUntilEmpty(deadline)) return;
  cut_off_ = true;
  for (const std::string& id : queue_.alive_ids()) queue_.Cancel(id).IgnoreError();
  queue_.WaitUntilEmpty(std::chrono::steady_clock::time_point::max());
}

int32_t Engine::context_limit() const {
  const int64_t pool = int64_t{parts_.backend->limits().page_count} * kPagePositions;
  return static_cast<int32_t>(std::min<int64_t>(parts_.backend->config().context_length, pool));
}

EngineLoad Engine::load() const {
  return {running_count_.load(), queue_.waiting_count() + interrupted_count_.load(),
          free_pages_.load()};
}

void Engine::PublishLoad() {
  const PageAllocator& allocator = pages_.allocator();
  // Last comes what load() reads first: who sees that nothing runs sees all pages free.
  free_pages_.store(allocator.available_count());
  interrupted_count_.store(scheduler_.interrupted_count());
  running_count_.store(scheduler_.running_count());
  recorder_.Load(scheduler_.running_count(), scheduler_.waiting_count(),
                 1.0 - static_cast<double>(allocator.available_count()) / allocator.page_count());
}

void Engine::Run() {
  while (true) {
    if (!scheduler_.has_work()) queue_.WaitForWork();
    if (queue_.stopped()) break;
    EndCancelled();
    scheduler_.Admit();
    PublishLoad();
    if (!scheduler_.running().empty()) Step();
  }
  EndAll(ShuttingDownError());
}

void Engine::EndAll(const absl::Status& status) {
  for (Sequence* sequence : scheduler_.All()) End(sequence, status);
  RemoveEnded();
  while (std::unique_ptr<QueuedRequest> queued = queue_.Pop()) EndQueued(queued.get(), status);
}

void Engine::EndCancelled() {
  const std::unordered_set<std::string> ids = queue_.TakeCancelled();
  if (ids.empty()) return;
  const absl::Status cancelled =
      cut_off_ ? ShuttingDownError() : absl::CancelledError("the request was cancelled");
  for (QueuedRequest& queued : queue_.Remove(ids)) EndQueued(&queued, cancelled);
  for (Sequence* sequence : scheduler_.All()) {
    if (ids.contains(sequence->request.id)) End(sequence, cancelled);
  }
  RemoveEnded();
}

void Engine::EndQueued(QueuedRequest* queued, const absl::Status& status) {
  queue_.Release(queued->request.id);
  recorder_.EndedInQueue(status);
  queued->sink->OnError(status);
}

void Engine::Step() {
  group_ = groups_.Next(scheduler_.running());
  ListActive();
  const EngineRecorder::TimePoint start = recorder_.Now();
  coordinator_.Refresh();
  coordinator_.CollectDrafts(active_, group_);
  const EngineRecorder::TimePoint drafted = recorder_.Timed(StepStage::kDraft, start);
  const double drafting_seconds = news_seconds_ + EngineRecorder::Seconds(start, drafted);
  PlanRows(drafting_seconds);
  scheduler_.ReservePages();
  ListActive();
  const absl::Status status = Forward();
  failed_steps_ = status.ok() ? 0 : failed_steps_ + 1;
  if (!status.ok()) FailStep(status);
  RemoveEnded();
  const EngineRecorder::TimePoint stepped = recorder_.Now();
  speculation_.RecordStep(rows_,
                          {.drafting = drafting_seconds,
                           .forward = forward_seconds_,
                           .rest = EngineRecorder::Seconds(drafted, stepped) - forward_seconds_});
  groups_.Balance(scheduler_.running());
  ListActive();
  SendNews();
  news_seconds_ = EngineRecorder::Seconds(stepped, recorder_.Timed(StepStage::kLink, stepped));
}

void Engine::FailStep(const absl::Status& status) {
  speculation_.DiscardStep();
  rows_ = {};
  const std::string message = absl::StrCat("the backend failed: ", status.message());
  if (!absl::IsUnavailable(status) && failed_steps_ < kMostFailedSteps) {
    for (Sequence* sequence : stepped_) End(sequence, absl::InternalError(message));
    return;
  }
  const absl::Status lost = absl::UnavailableError(message);
  queue_.Close(lost);
  EndAll(lost);
  ListActive();
  if (parts_.on_device_lost) parts_.on_device_lost(lost);
}

void Engine::SendNews() {
  if (active_.empty()) return;
  const auto decoding = std::ranges::count_if(active_, std::not_fn(&Sequence::prefilling));
  const int sequences = std::max(1, static_cast<int>(decoding));
  const bool asks = speculation_.Asks(sequences);
  const DraftPrices prices = speculation_.Prices(sequences);
  if (asks) {
    coordinator_.SetPrices(prices);
    coordinator_.SendNews(active_, group_);
  } else {
    coordinator_.SkipNews(group_);
  }
  const double gain = speculation_.Gain(sequences);
  recorder_.Gain(gain);
  MutexLock lock(&speculation_mutex_);
  speculation_status_.drafting = speculation_.Drafts(sequences);
  speculation_status_.gain = gain;
  speculation_status_.prices = prices;
}

SpeculationStatus Engine::speculation() const {
  MutexLock lock(&speculation_mutex_);
  return speculation_status_;
}

void Engine::ListActive() {
  active_.clear();
  for (const auto& sequence : scheduler_.running()) {
    if (sequence->group == group_) active_.push_back(sequence.get());
  }
}

void Engine::PlanRows(double drafting_seconds) {
  int32_t chunk_budget = config_.prefill_chunk;
  int prefill_rows = 0;
  for (Sequence* sequence : active_) {
    sequence->chunk_size = 0;
    if (!sequence->prefilling()) continue;
    sequence->chunk_size =
        std::min(chunk_budget, sequence->prefill_end() - sequence->context_length);
    chunk_budget -= sequence->chunk_size;
    prefill_rows += sequence->chunk_size;
  }
  std::vector<Sequence*> decoding;
  std::ranges::copy_if(active_, std::back_inserter(decoding), std::not_fn(&Sequence::prefilling));
  if (decoding.empty()) return;
  const int base_rows = prefill_rows + static_cast<int>(decoding.size());
  speculation_.PlanTrees(decoding, base_rows, drafting_seconds);
}

absl::Status Engine::Forward() {
  stepped_.clear();
  steps_.clear();
  rows_ = {.asked = coordinator_.HasAsked(group_)};
  forward_seconds_ = 0;
  for (Sequence* sequence : active_) {
    if (sequence->prefilling() && sequence->chunk_size == 0) continue;
    SequenceStep step;
    step.slot = sequence->slot;
    step.pages = sequence->pages.pages();
    step.context_length = sequence->context_length;
    step.sampling = sequence->request.sampling;
    step.outputs.hidden_states = coordinator_.WantsHiddenStates(*sequence);
    if (sequence->prefilling()) {
      step.chunk = std::span<const int32_t>(sequence->tokens)
                       .subspan(sequence->context_length, sequence->chunk_size);
      // What a reply goes on with after an interruption is known already.
      step.sample = !sequence->has_reply() &&
                    sequence->context_length + sequence->chunk_size == sequence->prompt_size();
      rows_.prefill += sequence->chunk_size;
    } else {
      step.tree = &sequence->tree;
      ++rows_.sequences;
      if (sequence->request.speculation.enabled) {
        ++rows_.speculating;
        rows_.catching_up |= !sequence->draft.up_to_date;
      }
      rows_.candidates += sequence->tree.size() - 1;
      recorder_.Planned(*sequence);
    }
    stepped_.push_back(sequence);
    steps_.push_back(step);
  }
  CHIMERA_RETURN_IF_ERROR(Failpoint(FailpointSite::kForward));
  if (std::ranges::any_of(stepped_, &Sequence::prefilling)) {
    CHIMERA_RETURN_IF_ERROR(Failpoint(FailpointSite::kPrefill));
  }
  const EngineRecorder::TimePoint time = recorder_.Now();
  CHIMERA_RETURN_IF_ERROR(parts_.backend->Submit(StepBatch{steps_, coordinator_.tapped_layers()}));
  CHIMERA_ASSIGN_OR_RETURN(const StepResult* result, parts_.backend->Wait());
  const EngineRecorder::TimePoint verified = recorder_.Timed(StepStage::kVerify, time);
  forward_seconds_ = EngineRecorder::Seconds(time, verified);
  recorder_.Stepped(result->chosen.size());
  TakeResults(*result);
  CHIMERA_RETURN_IF_ERROR(Failpoint(FailpointSite::kCommit));
  CHIMERA_RETURN_IF_ERROR(parts_.backend->Commit(commits_));
  for (Sequence* sequence : stepped_) {
    pages_.Publish(sequence);
    // So that no pages are reserved for it in steps of other groups.
    sequence->chunk_size = 0;
    sequence->tree = sequence->tree.Prefix(1);
    if (sequence->finish_reason.has_value()) End(sequence, absl::OkStatus());
  }
  recorder_.Timed(StepStage::kCommit, verified);
  return absl::OkStatus();
}

void Engine::TakeResults(const StepResult& result) {
  commits_.clear();
  committed_nodes_.clear();
  committed_nodes_.reserve(stepped_.size());
  for (size_t i = 0; i < stepped_.size(); ++i) {
    if (stepped_[i]->prefilling()) {
      TakeChunk(stepped_[i], result, result.first_row[i]);
    } else {
      TakeTree(stepped_[i], result, result.first_row[i]);
    }
  }
}

void Engine::RecordHidden(Sequence* sequence, const StepResult& result, int32_t row,
                          int32_t position) {
  if (!coordinator_.WantsHiddenStates(*sequence)) return;
  const size_t row_size =
      coordinator_.tapped_layers().size() * parts_.backend->config().hidden_size;
  coordinator_.RecordHidden(sequence, position,
                            std::span(result.hidden_states).subspan(row * row_size, row_size));
}

void Engine::TakeChunk(Sequence* sequence, const StepResult& result, int32_t first_row) {
  for (int32_t i = 0; i < sequence->chunk_size; ++i) {
    RecordHidden(sequence, result, first_row + i, sequence->context_length + i);
  }
  sequence->context_length += sequence->chunk_size;
  if (sequence->prefilling() || sequence->has_reply()) return;
  const int32_t first_token = result.chosen[first_row + sequence->chunk_size - 1];
  AppendTokens(sequence, std::span(&first_token, 1));
}

void Engine::TakeTree(Sequence* sequence, const StepResult& result, int32_t first_row) {
  const std::span<const int32_t> chosen =
      std::span(result.chosen).subspan(first_row, sequence->tree.size());
  AcceptedPath path = WalkAcceptedPath(sequence->tree, chosen);
  speculation_.RecordTokens(*sequence, path.tokens);
  const size_t count = AppendTokens(sequence, path.tokens);
  // What follows the reply's end does not count. The last token of the path was not drafted.
  const size_t accepted = std::min(count, path.nodes.size() - 1);
  ++sequence->result.steps;
  sequence->result.draft_nodes += sequence->tree.size() - 1;
  sequence->result.accepted_draft_tokens += static_cast<int32_t>(accepted);
  path.nodes.resize(1 + accepted);
  const CandidateCounts candidates = CountCandidates(*sequence, path.nodes);
  sequence->result.candidates.Add(candidates);
  if (sequence->purpose == RequestPurpose::kUser) {
    MutexLock lock(&speculation_mutex_);
    speculation_status_.candidates.Add(candidates);
  }
  recorder_.Verified(*sequence, accepted, candidates);
  for (size_t i = 0; i < path.nodes.size(); ++i) {
    RecordHidden(sequence, result, first_row + path.nodes[i],
                 sequence->context_length + static_cast<int32_t>(i));
  }
  // Also of a reply that has ended, whose pages may serve the next turn of its conversation.
  committed_nodes_.push_back(std::move(path.nodes));
  commits_.push_back(
      {sequence->slot, sequence->pages.pages(), sequence->context_length, committed_nodes_.back()});
  sequence->context_length += static_cast<int32_t>(committed_nodes_.back().size());
}

size_t Engine::AppendTokens(Sequence* sequence, std::span<const int32_t> tokens) {
  size_t count = 0;
  while (count < tokens.size() && !sequence->finish_reason.has_value()) {
    sequence->finish_reason = sequence->reply.Append(tokens[count]);
    sequence->tokens.push_back(tokens[count]);
    ++count;
  }
  recorder_.Emitted(sequence, count);
  sequence->sink->OnTokens(tokens.first(count), sequence->reply.TakeText());
  return count;
}

void Engine::End(Sequence* sequence, const absl::Status& status) {
  if (std::find(ended_.begin(), ended_.end(), sequence) != ended_.end()) return;
  ended_.push_back(sequence);
  coordinator_.Close(sequence);
  GenerationResult& result = sequence->result;
  result.prompt_tokens = sequence->prompt_size();
  result.completion_tokens = sequence->reply.token_count();
  result.finish_reason = sequence->finish_reason.value_or(FinishReason::kStop);
  recorder_.Ended(*sequence, status);
  // Released first: a client that has the end of its reply may use the id again.
  queue_.Release(sequence->request.id);
  if (!status.ok()) return sequence->sink->OnError(status);
  sequence->sink->OnFinish(result);
  if (sequence->purpose == RequestPurpose::kCanary) return;
  if (std::optional<QueuedRequest> canary = canary_.Draw(*sequence)) {
    if (!scheduler_.AddCanary(*std::move(canary))) canary_.CountSkipped();
  }
}

void Engine::RemoveEnded() {
  for (const Sequence* sequence : ended_) scheduler_.Remove(sequence);
  ended_.clear();
  PublishLoad();
}

}  // namespace chimera
