// What drafting is worth and costs at present.

#ifndef CHIMERA_COMMON_TREE_DRAFT_PRICES_H_
#define CHIMERA_COMMON_TREE_DRAFT_PRICES_H_

namespace chimera {

// What the verifier reckons with in a step: the fields of the protocol's StepRequest, which
// documents them. Finite and not negative.
struct DraftPrices {
  float token_seconds = 0;  // 0: the prices are unknown
  float node_seconds = 0;

  bool known() const { return token_seconds > 0; }
  friend bool operator==(const DraftPrices&, const DraftPrices&) = default;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TREE_DRAFT_PRICES_H_
