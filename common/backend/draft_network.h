// The device that hosts a draft network. Nothing above this interface knows which one it is.

#ifndef CHIMERA_COMMON_BACKEND_DRAFT_NETWORK_H_
#define CHIMERA_COMMON_BACKEND_DRAFT_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/draft_context.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/model/tensor_view.h"

namespace chimera {

// A candidate to go on from.
struct DraftNode {
  int32_t tree = 0;  // index into the contexts of StartTrees
  int32_t parent =
      -1;  // index of its parent among the nodes of all ExtendTrees since; -1: the root
  int32_t token = 0;
};

// Rows of logits in a network's memory.
struct DraftLogits {
  const float* data = nullptr;
  int64_t stride = 0;  // from a row to the next
  int64_t size = 0;    // of a row: draft_vocab_size

  std::span<const float> row(int64_t index) const {
    return {data + index * stride, static_cast<size_t>(size)};
  }
};

// What a network is made from. Views: only `embedding` must outlive the network.
struct DraftNetworkModel {
  const DraftNetworkConfig& config;
  const DraftWeights& weights;
  const TensorView& embedding;  // the target's, of tokens: [vocab_size, hidden_size]
  int64_t position_limit = 0;   // positions are below it
};

// Computes for many sequences at once. What it computes for one does not depend on the others. One
// thread at a time, also for its contexts.
//
// Errors of all calls are those of the device: UNAVAILABLE if it is lost, and every later call
// fails in the same way; any other is of this call. Contexts that a failed call was given must not
// be used again.
class DraftNetwork {
 public:
  virtual ~DraftNetwork() = default;

  virtual const DraftNetworkConfig& config() const = 0;
  // [draft_vocab_size] the target's token of each logit, ascending.
  virtual std::span<const int32_t> vocabulary() const = 0;

  // A context for a sequence whose first token will have position `start_position`. The network
  // must outlive it.
  virtual std::unique_ptr<DraftContext> NewContext(int64_t start_position) = 0;

  // Encodes what came for each context. No two are the same; all are this network's, as below.
  virtual absl::Status EncodeContexts(std::span<DraftContext* const> contexts) = 0;

  // Starts a tree behind the newest token of each context and returns the logits of the tokens that
  // follow it, a row for each context and depth head, valid until the next call: those of head k
  // are of the (k + 1)-th token. REQUIRES: every context is_current().
  virtual absl::StatusOr<DraftLogits> StartTrees(std::span<DraftContext* const> contexts) = 0;

  // Adds nodes, whose number may be told from their order, and returns the logits of the tokens
  // that follow each, a row for each, valid until the next call. The contexts of StartTrees must be
  // as they were. REQUIRES: depth_heads is 1, parents come before their children, in an earlier
  // call.
  virtual absl::StatusOr<DraftLogits> ExtendTrees(std::span<const DraftNode> nodes) = 0;
};

// Makes a network on a device. Errors name what the device cannot do or has not.
using DraftNetworkFactory =
    std::function<absl::StatusOr<std::unique_ptr<DraftNetwork>>(const DraftNetworkModel&)>;

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_DRAFT_NETWORK_H_
