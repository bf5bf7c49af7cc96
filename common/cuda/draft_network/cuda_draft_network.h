// A draft network on a CUDA device.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_NETWORK_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_NETWORK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/draft_network.h"
#include "common/backend/draft_trees.h"
#include "common/base/thread_pool.h"
#include "common/cuda/draft_network/cuda_draft_context.h"
#include "common/cuda/draft_network/cuda_draft_layers.h"
#include "common/cuda/draft_network/device_draft_weights.h"
#include "common/cuda/draft_network/index_tables.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

struct CudaDraftNetworkOptions {
  int device = 0;  // of those that the process sees
  // Contexts at a time, whose memory is there from the beginning; at least 1. More of them can be
  // made, but nothing is encoded for these.
  int32_t max_contexts = 1;
  ThreadPool* threads = nullptr;  // they convert the weights, during Create only
};

// Weights, windows of keys and values, and the trees under way are on the device; the host reads
// logits, once a level. All linear layers are those of the verifier's CUDA backend, in bf16: their
// rows do not depend on each other, and for the few rows of a level they read weights as fast as
// the memory can, which is all that counts here. Outputs of the trigram encoder are not kept: a
// level would have to find all of its trigrams for its weights to be left unread.
class CudaDraftNetwork final : public DraftNetwork {
 public:
  // Errors: UNIMPLEMENTED for a network that the kernels cannot run; RESOURCE_EXHAUSTED for one
  // that does not fit, or too many contexts; FAILED_PRECONDITION and INVALID_ARGUMENT where there
  // is no such device; others of common/cuda/runtime/device_error.h.
  static absl::StatusOr<std::unique_ptr<DraftNetwork>> Create(
      const DraftNetworkModel& model, const CudaDraftNetworkOptions& options);

  const DraftNetworkConfig& config() const override { return config_; }
  std::span<const int32_t> vocabulary() const override { return vocabulary_; }
  std::unique_ptr<DraftContext> NewContext(int64_t start_position) override;
  absl::Status EncodeContexts(std::span<DraftContext* const> contexts) override;
  absl::StatusOr<DraftLogits> StartTrees(std::span<DraftContext* const> contexts) override;
  absl::StatusOr<DraftLogits> ExtendTrees(std::span<const DraftNode> nodes) override;

 private:
  // A row of a context that is to be encoded.
  struct ContextRow {
    const CudaDraftContext* context;
    int64_t position;
    bool is_newest;
  };
  // A root or node, as its kernels read it.
  struct TreeRow {
    const CudaDraftContext* context;
    int64_t input_row;
    int64_t position;
    int64_t kv_slot;
    int64_t encoding_row;
    WindowAttentionRow attention;
  };

  CudaDraftNetwork(const DraftNetworkModel& model, const CudaDraftNetworkOptions& options,
                   cuda::Stream stream);
  absl::Status Load(const DraftNetworkModel& model, const CudaDraftNetworkOptions& options);

  // Makes room in the context's window for the rows, and lists them.
  void TakeReady(const DraftContext::ReadyRows& rows, CudaDraftContext* context);
  // Give the rows, at most CudaDraftLayers::kMaxRows, to the stream.
  absl::Status EncodeRows(std::span<const ContextRow> rows);
  absl::Status EncodeRoots(int64_t first, int count);
  absl::Status EncodeNodes(int64_t first, int count);
  absl::Status ScoreHeads(int64_t first, int count);

  // Calls `encode` for [0, count), at most kMaxRows at a time, has the logits copied that each call
  // leaves, and waits.
  absl::StatusOr<DraftLogits> EncodeAll(int64_t count,
                                        absl::Status (CudaDraftNetwork::*encode)(int64_t first,
                                                                                 int count));

  WindowAttentionRow AttentionOf(int32_t node) const;
  // Writes padding to row `row` of the tree tables.
  void StagePadding(int row, int row_count);
  // Writes row `index`, but for its tokens.
  void StageTreeRow(const TreeRow& row, int index, int row_count);
  TreeTables ViewTreeTables(int row_count) const;

  const DraftNetworkConfig config_;
  const int device_;
  const std::vector<int32_t> vocabulary_;
  DraftContextSlots slots_;
  DeviceDraftWeights weights_;
  std::optional<CudaDraftLayers> layers_;  // set by Load, as the next four
  std::optional<IndexTables> context_tables_;
  std::optional<IndexTables> newest_tables_;
  std::optional<IndexTables> tree_tables_;
  std::optional<IndexTables> head_tables_;
  cuda::PinnedBuffer<uint16_t> host_states_;  // as CudaDraftLayers::states()
  cuda::PinnedBuffer<float> host_logits_;     // [rows, logits_stride()], grows

  // What is given to it uses all above.
  cuda::Stream stream_;
  bool is_pending_ = false;  // tables and states may still be read

  std::vector<ContextRow> context_rows_;  // of EncodeContexts
  DraftTrees<CudaDraftContext> trees_;
  int64_t level_begin_ = 0;  // first node of the call under way
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_NETWORK_H_
