// The draft network on the CPU: trigram encoder, context encoder and residual head together.

#ifndef CHIMERA_DRAFTER_NETWORK_CPU_DRAFT_NETWORK_H_
#define CHIMERA_DRAFTER_NETWORK_CPU_DRAFT_NETWORK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/backend/draft_network.h"
#include "common/backend/draft_trees.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa_type.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/model/tensor_view.h"
#include "drafter/network/context_encoder.h"
#include "drafter/network/context_window.h"
#include "drafter/network/feature_fusion.h"
#include "drafter/network/residual_head.h"
#include "drafter/network/trigram_encoder.h"

namespace chimera {

// A context as it keeps it: the encoder's keys and values and its newest row.
struct CpuDraftContext : DraftContext {
  CpuDraftContext(const DraftNetworkConfig& config, int64_t start_position)
      : DraftContext(config, start_position), window(config) {}

  ContextWindow window;
  // Of the newest row that is encoded, window.end() - 1: its z [hidden_size] and the residuals
  // [depth_heads, hidden_size] of its features.
  std::vector<float> z;
  std::vector<float> residuals;
};

// Its calls do not fail. One thread.
class CpuDraftNetwork final : public DraftNetwork {
 public:
  struct Options {
    CpuIsa isa = CpuIsa::kPortable;
    // They compute, the caller among them; not null.
    std::shared_ptr<ThreadPool> threads = std::make_shared<ThreadPool>(1);
  };

  // Makes such networks.
  static DraftNetworkFactory Factory(const Options& options);

  // Repacks the weights.
  CpuDraftNetwork(const DraftNetworkModel& model, const Options& options);

  const DraftNetworkConfig& config() const override { return config_; }
  std::span<const int32_t> vocabulary() const override { return residual_head_.vocabulary(); }
  std::unique_ptr<DraftContext> NewContext(int64_t start_position) override;
  absl::Status EncodeContexts(std::span<DraftContext* const> contexts) override;
  absl::StatusOr<DraftLogits> StartTrees(std::span<DraftContext* const> contexts) override;
  absl::StatusOr<DraftLogits> ExtendTrees(std::span<const DraftNode> nodes) override;

 private:
  // Rows of one context that are encoded now.
  struct ContextPart {
    CpuDraftContext* context;
    int64_t begin;  // position
    int64_t end;
  };

  DraftLogits LogitsOf(const float* logits) const {
    return {logits, config_.draft_vocab_size, config_.draft_vocab_size};
  }

  const DraftNetworkConfig config_;
  const std::shared_ptr<ThreadPool> threads_;
  BufferArena arena_;
  RowProducts products_;
  TrigramEncoder trigram_encoder_;
  FeatureFusion feature_fusion_;
  ContextEncoder context_encoder_;
  ResidualHead residual_head_;

  DraftTrees<CpuDraftContext> trees_;
  std::vector<float> root_encodings_;  // [n_trees, hidden_size]
  std::vector<float> node_encodings_;  // [n_nodes, hidden_size]

  // Of the call under way.
  std::vector<Trigram> trigrams_;
  std::vector<const uint16_t*> states_;
  std::vector<ContextRow> context_rows_;
  std::vector<EncoderRow> encoder_rows_;
  std::vector<const float*> residuals_;
  std::vector<float> trigram_outputs_, features_, z_, logits_;
  std::vector<float> newest_features_, newest_residuals_;  // [n_contexts, ...]
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_CPU_DRAFT_NETWORK_H_
