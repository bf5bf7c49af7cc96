// Which hidden states the target taps for all drafters together.

#ifndef CHIMERA_VERIFIER_ENGINE_TAP_UNION_H_
#define CHIMERA_VERIFIER_ENGINE_TAP_UNION_H_

#include <cstdint>
#include <span>
#include <vector>

namespace chimera {

// The union of what the drafters ask for, and each one's part of it. One thread.
class TapUnion {
 public:
  // For drafters 0 to source_count - 1, none of which asks for anything yet.
  TapUnion(int source_count, int32_t hidden_size);

  // Takes note of what a drafter asks for: ascending layers, and the positions of context that it
  // uses. It stays in force when the drafter is gone: so the states it needs are there when it
  // comes back, and the others' are not thrown away each time.
  void Set(int source, std::span<const int32_t> layers, int32_t window);

  // Layers to tap, ascending.
  std::span<const int32_t> layers() const { return layers_; }

  // How many positions of a sequence's rows to keep: the longest window asked for, but not more
  // than memory allows (drafter_service.proto, Ready). Positive.
  int32_t history_window() const;

  // Changes when layers() or history_window() does: rows kept until then are of no use.
  int64_t version() const { return version_; }

  // Elements of a row of all layers, [layers().size(), hidden_size].
  int64_t row_size() const { return static_cast<int64_t>(layers_.size()) * hidden_size_; }

  // Elements of the part of a row that a drafter asked for.
  int64_t row_size(int source) const {
    return static_cast<int64_t>(parts_[source].size()) * hidden_size_;
  }

  // Of whole rows, what a drafter asked for: `rows` itself if that is all, else a copy in `memory`.
  std::span<const uint16_t> Select(int source, std::span<const uint16_t> rows,
                                   std::vector<uint16_t>* memory) const;

 private:
  struct Wish {
    std::vector<int32_t> layers;
    int32_t window = 0;
  };

  const int32_t hidden_size_;
  std::vector<Wish> wishes_;  // by source
  std::vector<int32_t> layers_;
  std::vector<std::vector<int32_t>> parts_;  // by source: its layers as indices into layers_
  int32_t window_ = 0;
  int64_t version_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_TAP_UNION_H_
