// Names a model, so that a drafter is never used for a target it was not made for.

#ifndef CHIMERA_COMMON_MODEL_FINGERPRINT_H_
#define CHIMERA_COMMON_MODEL_FINGERPRINT_H_

#include <string>

namespace chimera {

// Both parts are lower-case hexadecimal SHA-256.
struct Fingerprint {
  // Canonical configuration, vocabulary, merges and chat template. Verifier and drafter must agree
  // on it.
  std::string identity;
  // Tensor table and tensor bytes. May differ between quantisations of one model.
  std::string weights;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_FINGERPRINT_H_
