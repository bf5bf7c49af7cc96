// How often the target chooses what a drafter holds to be the most probable next token.

#ifndef CHIMERA_VERIFIER_ENGINE_FIRST_CANDIDATE_RATE_H_
#define CHIMERA_VERIFIER_ENGINE_FIRST_CANDIDATE_RATE_H_

namespace chimera {

// A mean over the last few hundred drafts. While there are none it returns to what is hoped for of
// a drafter that nothing is known about, so that one that has become better is not held to its
// past. One thread.
class FirstCandidateRate {
 public:
  static constexpr double kHope = 0.8;

  double value() const { return value_; }

  void Record(bool is_chosen) { value_ += ((is_chosen ? 1.0 : 0.0) - value_) / kDrafts; }

  // A step without drafts has passed.
  void Forget() { value_ += (kHope - value_) / kSteps; }

 private:
  static constexpr double kDrafts = 256;
  static constexpr double kSteps = 2048;

  double value_ = kHope;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_FIRST_CANDIDATE_RATE_H_
