#include "common/cuda/backend/cuda_backend.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/backend/step_validation.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/cuda/backend/memory_error.h"
#include "common/cuda/backend/pinned_linear_runner.h"
#include "common/cuda/backend/strict_linear_runner.h"
#include "common/cuda/kernels/attention_shape.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device.h"

namespace chimera {
namespace {

// Advances with every change of the arithmetic that replies depend on: the kernels, the shape of
// attention, the splits of products, and common/sampling.
constexpr int kArithmeticVersion = 1;

// Steps of more rows would take more memory than there is.
constexpr int32_t kMaxStepRows = 1 << 20;

// "cuda-strict-bf16-sm90-1": tensor cores of other compute capabilities round otherwise. Where more
// decides, the hash of its description follows, which is long, and this becomes a metric's label.
std::string NumericsId(Numerics numerics, const std::string& description,
                       const cuda::DeviceInfo& device) {
  std::string id =
      absl::StrCat("cuda-", NumericsName(numerics), "-bf16-sm", device.compute_capability_major,
                   device.compute_capability_minor, "-", kArithmeticVersion);
  if (description.empty()) return id;
  constexpr size_t kHashDigits = 16;
  Sha256 hash;
  hash.AddString(description);
  return absl::StrCat(id, "-", hash.Finish().substr(0, kHashDigits));
}

absl::Status CheckModel(const LlamaConfig& config) {
  if (config.head_dim != 64 && config.head_dim != 128) {
    return absl::UnimplementedError(
        absl::StrCat("head_dim ", config.head_dim, ", must be 64 or 128 on CUDA devices"));
  }
  const struct {
    absl::string_view name;
    int64_t value;
    int64_t maximum;
  } sizes[] = {{"hidden_size", config.hidden_size, kMaxRmsNormSize},
               {"query_size", config.query_size(), WeightUploader::kMaxColumns},
               {"ffn_size", config.ffn_size, WeightUploader::kMaxColumns},
               {"query heads per kv head", config.query_head_count / config.kv_head_count,
                kAttentionBlockRows}};
  for (const auto& [name, value, maximum] : sizes) {
    if (value <= maximum) continue;
    return absl::UnimplementedError(
        absl::StrCat(name, " ", value, ", must be at most ", maximum, " on CUDA devices"));
  }
  return absl::OkStatus();
}

// As ValidateBackendLimits, but page_count may be left to the backend.
absl::Status CheckLimits(const CudaBackendOptions& options) {
  BackendLimits limits = options.limits;
  if (limits.page_count == 0) limits.page_count = options.most_pages;
  CHIMERA_RETURN_IF_ERROR(ValidateBackendLimits(limits));
  if (limits.max_step_rows > kMaxStepRows) {
    return absl::InvalidArgumentError(absl::StrCat("max_step_rows ", limits.max_step_rows,
                                                   ", must be at most ", kMaxStepRows,
                                                   " on CUDA devices"));
  }
  // Places of single positions are int32.
  constexpr int64_t kMaxPages = std::numeric_limits<int32_t>::max() / kPagePositions;
  const int64_t scratch_pages = int64_t{limits.slot_count} * DeviceKvPool::kScratchPages;
  if (limits.page_count + scratch_pages > kMaxPages) {
    return absl::InvalidArgumentError(absl::StrCat(
        "page_count ", limits.page_count, " and ", scratch_pages, " pages for trees of slot_count ",
        limits.slot_count, ", must be at most ", kMaxPages, " together on CUDA devices"));
  }
  return absl::OkStatus();
}

// The layers, and of how many rows a step computes each at a time.
std::vector<PinnedLayer> PinnedLayers(const DeviceLlamaWeights& weights, int max_step_rows) {
  std::vector<PinnedLayer> layers;
  for (const DeviceLinear* linear : weights.linears()) {
    const bool is_output = linear == &weights.output;
    layers.push_back({linear, is_output ? CudaOutputHead::kMaxRows : max_step_rows});
  }
  return layers;
}

// Moves of one Commit: the nodes of a path, in every slot.
size_t MaxMoves(const BackendLimits& limits) {
  return size_t{TokenTree::kMaxDepth + 1} * limits.slot_count;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CudaBackend::Create(const LlamaConfig& config,
                                                             const LlamaWeights& weights,
                                                             const CudaBackendOptions& options) {
  CHIMERA_RETURN_IF_ERROR(CheckLimits(options));
  CHIMERA_RETURN_IF_ERROR(CheckModel(config));
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(options.device));
  CHIMERA_ASSIGN_OR_RETURN(cuda::Event hidden_ready, cuda::Event::Create());
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::Create());
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream copy_stream, cuda::Stream::Create());
  std::unique_ptr<CudaBackend> backend(new CudaBackend(config, options, std::move(hidden_ready),
                                                       std::move(stream), std::move(copy_stream)));
  CHIMERA_RETURN_IF_ERROR(backend->Load(weights, options));
  return backend;
}

CudaBackend::CudaBackend(const LlamaConfig& config, const CudaBackendOptions& options,
                         cuda::Event hidden_ready, cuda::Stream stream, cuda::Stream copy_stream)
    : config_(config),
      device_(options.device),
      limits_(options.limits),
      hidden_ready_(std::move(hidden_ready)),
      stream_(std::move(stream)),
      copy_stream_(std::move(copy_stream)),
      slot_trees_(limits_) {}

absl::Status CudaBackend::Load(const LlamaWeights& weights, const CudaBackendOptions& options) {
  CHIMERA_ASSIGN_OR_RETURN(const cuda::DeviceInfo device, cuda::GetDeviceInfo(device_));
  const WeightOrder order =
      options.numerics == Numerics::kStrict ? WeightOrder::kFragments : WeightOrder::kRows;
  CHIMERA_ASSIGN_OR_RETURN(
      weights_, DeviceLlamaWeights::Load(config_, weights, order, options.threads.get()));
  if (const absl::Status made = MakeSteps(options, device); !made.ok()) {
    return ForWhat(made, absl::StrCat("steps of ", limits_.max_step_rows, " rows"));
  }
  if (limits_.page_count == 0) CHIMERA_RETURN_IF_ERROR(SizePool(options.most_pages));
  return MakePool();
}

absl::Status CudaBackend::MakeSteps(const CudaBackendOptions& options,
                                    const cuda::DeviceInfo& device) {
  if (options.numerics == Numerics::kStrict) {
    linears_ = std::make_unique<StrictLinearRunner>();
  } else {
    CHIMERA_ASSIGN_OR_RETURN(linears_, PinnedLinearRunner::Create(
                                           PinnedLayers(weights_, limits_.max_step_rows), stream_));
  }
  const std::string description = linears_->description();
  numerics_id_ = NumericsId(options.numerics, description, device);
  if (!description.empty()) {
    LogInfo("linear layers numerics_id={} by=\"{}\"", numerics_id_, description);
  }
  CHIMERA_ASSIGN_OR_RETURN(
      CudaLlamaForward forward,
      CudaLlamaForward::Create({&config_, &weights_, linears_.get()}, limits_, device));
  forward_.emplace(std::move(forward));
  CHIMERA_ASSIGN_OR_RETURN(
      output_head_,
      CudaOutputHead::Create({&config_, &weights_.output, linears_.get(), forward_->normed()},
                             limits_.max_step_rows, forward_->order()));
  CHIMERA_ASSIGN_OR_RETURN(host_moves_, cuda::PinnedBuffer<KvMove>::Allocate(MaxMoves(limits_)));
  CHIMERA_ASSIGN_OR_RETURN(moves_, cuda::DeviceBuffer<KvMove>::Allocate(MaxMoves(limits_)));
  return absl::OkStatus();
}

absl::Status CudaBackend::MakePool() {
  absl::StatusOr<DeviceKvPool> pool = DeviceKvPool::Create(config_, limits_);
  if (!pool.ok()) {
    return ForWhat(pool.status(), absl::StrCat("keys and values of ", limits_.page_count,
                                               " pages of 16 positions and of trees of ",
                                               limits_.slot_count, " sequences"));
  }
  pool_.emplace(*std::move(pool));
  slot_trees_ = SlotTrees(limits_);
  return absl::OkStatus();
}

absl::Status CudaBackend::SizePool(int32_t most_pages) {
  CHIMERA_ASSIGN_OR_RETURN(const size_t free_bytes, cuda::FreeDeviceMemoryBytes());
  // For graphs and what the driver takes.
  const size_t usable = free_bytes - free_bytes / 16;
  const int64_t pages = static_cast<int64_t>(usable) / DeviceKvPool::PageBytes(config_) -
                        int64_t{limits_.slot_count} * DeviceKvPool::kScratchPages;
  if (pages < 1) {
    return absl::ResourceExhaustedError(
        absl::StrCat(free_bytes >> 20, " MiB are left for keys and values: too few for ",
                     limits_.slot_count, " sequences at a time"));
  }
  limits_.page_count = static_cast<int32_t>(std::min<int64_t>(pages, most_pages));
  return absl::OkStatus();
}

absl::Status CudaBackend::Submit(const StepBatch& batch) {
  CHIMERA_CHECK(!is_in_flight_) << "a step is in flight";
  CHIMERA_RETURN_IF_ERROR(ValidateStepBatch(batch, config_, limits_));
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(device_));
  // What a step has left that failed reads memory that this one writes.
  if (is_step_pending_) CHIMERA_RETURN_IF_ERROR(Synchronize());
  StageStep(batch, &step_, &result_.first_row);
  is_step_pending_ = true;
  CHIMERA_RETURN_IF_ERROR(Run());
  is_in_flight_ = true;
  return absl::OkStatus();
}

absl::Status CudaBackend::Run() {
  CHIMERA_RETURN_IF_ERROR(forward_->Run(step_, &*pool_, stream_));
  CHIMERA_RETURN_IF_ERROR(CopyHiddenStates());
  return output_head_->Run(step_, stream_);
}

absl::Status CudaBackend::CopyHiddenStates() {
  const size_t size =
      forward_->hidden_rows().size() * step_.batch.tapped_layers.size() * config_.hidden_size;
  if (size == 0) return absl::OkStatus();
  if (host_hidden_.size() < size) {
    host_hidden_ = {};
    CHIMERA_ASSIGN_OR_RETURN(host_hidden_, cuda::PinnedBuffer<uint16_t>::Allocate(size));
  }
  CHIMERA_RETURN_IF_ERROR(stream_.RecordEvent(hidden_ready_));
  CHIMERA_RETURN_IF_ERROR(copy_stream_.WaitEvent(hidden_ready_));
  return cuda::CopyToHost<const uint16_t>(host_hidden_.span().first(size),
                                          forward_->hidden_states().subspan(0, size), copy_stream_);
}

absl::Status CudaBackend::Synchronize() {
  CHIMERA_RETURN_IF_ERROR(stream_.Synchronize());
  CHIMERA_RETURN_IF_ERROR(copy_stream_.Synchronize());
  is_step_pending_ = false;
  is_commit_pending_ = false;
  return absl::OkStatus();
}

absl::StatusOr<const StepResult*> CudaBackend::Wait() {
  if (!is_in_flight_) return absl::FailedPreconditionError("no step is in flight");
  is_in_flight_ = false;
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(device_));
  CHIMERA_RETURN_IF_ERROR(Synchronize());
  slot_trees_.Remember(step_.batch.sequences);
  output_head_->TakeResults(step_, &result_);
  TakeHiddenStates();
  return &result_;
}

void CudaBackend::TakeHiddenStates() {
  const size_t row_size = step_.batch.tapped_layers.size() * config_.hidden_size;
  result_.hidden_states.assign(step_.rows.size() * row_size, 0);
  if (row_size == 0) return;
  size_t from = 0;
  for (const int32_t row : forward_->hidden_rows()) {
    std::ranges::copy(host_hidden_.span().subspan(from, row_size),
                      result_.hidden_states.begin() + row * row_size);
    from += row_size;
  }
}

absl::Status CudaBackend::Commit(std::span<const CommitRequest> requests) {
  CHIMERA_CHECK(!is_in_flight_) << "a step is in flight";
  for (const CommitRequest& request : requests) {
    CHIMERA_RETURN_IF_ERROR(slot_trees_.ValidateCommit(request));
  }
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(device_));
  if (is_step_pending_ || is_commit_pending_) CHIMERA_RETURN_IF_ERROR(Synchronize());
  size_t count = 0;
  for (const CommitRequest& request : requests) {
    int32_t position = request.context_length;
    for (const int node : request.nodes) {
      CHIMERA_CHECK(count < host_moves_.size()) << "slots are committed twice";
      host_moves_.span()[count++] = {
          .from_slot = pool_->NodeKvSlot(request.slot, node),
          .to_slot = request.pages[position / kPagePositions] * kPagePositions +
                     position % kPagePositions};
      ++position;
    }
  }
  if (count == 0) return absl::OkStatus();
  is_commit_pending_ = true;
  CHIMERA_RETURN_IF_ERROR(cuda::CopyToDevice<KvMove>(moves_.span().subspan(0, count),
                                                     host_moves_.span().first(count), stream_));
  return LaunchCommitNodes(stream_, {.move_count = static_cast<int>(count),
                                     .layer_count = config_.layer_count,
                                     .page_count = pool_->page_count(),
                                     .kv_head_count = config_.kv_head_count,
                                     .head_dim = config_.head_dim,
                                     .moves = moves_.span().device_pointer(),
                                     .pool = pool_->data()});
}

std::vector<std::byte> CudaBackend::CopyPage(int32_t page) const {
  CHIMERA_CHECK(page >= 0 && page < limits_.page_count) << "page " << page;
  CHIMERA_CHECK(!is_in_flight_) << "a step is in flight";
  const absl::Status selected = cuda::SelectDevice(device_);
  CHIMERA_CHECK(selected.ok()) << selected;
  absl::StatusOr<std::vector<std::byte>> bytes = pool_->CopyPage(page, stream_);
  CHIMERA_CHECK(bytes.ok()) << bytes.status();
  return *std::move(bytes);
}

}  // namespace chimera
