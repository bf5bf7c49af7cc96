// Decides whether drafting pays at all.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFTING_GATE_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFTING_GATE_H_

#include <array>

namespace chimera {

// What a step came to in which sequences decoded.
struct StepOutcome {
  int sequences = 0;         // that decoded; positive
  double tokens = 0;         // that they got
  double seconds = 0;        // that it took, drafting included
  double plain_seconds = 0;  // that it would have taken without drafting and candidates, it seems
  bool catching_up = false;  // a drafter did not know all yet of a sequence that speculates
};

// Compares tokens per second with drafting to those without, as steps come and go. While drafting
// loses it pauses, and is tried again for a few steps after a pause that doubles with every failure
// in a row, or is longer where those steps lost much. Plain steps that follow each other are faster
// than one among steps that draft, so now and then drafting is left out for a few, and what they
// take corrects what steps seem to take. Loads differ: each power of two of sequences is judged by
// itself. One thread.
class DraftingGate {
 public:
  // Steps of the first pause, and of the longest that failures alone lead to.
  static constexpr int kShortestPause = 512;
  static constexpr int kLongestPause = 2048;
  // The part of a pause's time that the try before it may have lost, or the pause is longer; and the
  // steps of the longest such pause.
  static constexpr double kTryCost = 0.01;
  static constexpr int kLongestCostlyPause = 8192;
  // Steps that are not counted when drafting begins, because drafters catch up in them: so many at
  // least, and while they do, at most.
  static constexpr int kWarmUpSteps = 4;
  static constexpr int kLongestWarmUp = 32;
  // Steps without which there is no verdict.
  static constexpr int kMinSteps = 8;

  // Plain steps in a row that drafting is left out for, and how many of them only lead to the others.
  static constexpr int kPlainRun = 6;
  static constexpr int kPlainLead = 2;
  // Drafting steps before the first such run, between the first few, and between later ones.
  static constexpr int kFirstPlainRun = 32;
  static constexpr int kEagerInterval = 128;
  static constexpr int kEagerRuns = 8;
  static constexpr int kPlainInterval = 512;

  // Steps that have to follow one at a load where drafting pauses before another load is drafted
  // for: drafters would have to catch up with sequences that may be about to end, or not to stay so
  // few.
  static constexpr int kSettlingSteps = 8;

  // Whether to draft at all while so many sequences decode.
  bool Drafts(int sequences) const {
    return LoadOf(sequences).pause_left == 0 && settling_left_ == 0;
  }

  // Whether to ask for drafts for the next step: not in a run of plain ones.
  bool Asks(int sequences) const { return Drafts(sequences) && LoadOf(sequences).plain_left == 0; }

  // A step has ended for which drafts were asked for, or were not.
  void Record(const StepOutcome& step, bool asked);

  // Tokens per second with drafting, lately, relative to those without; 1 if not known.
  double Gain(int sequences) const {
    const Load& load = LoadOf(sequences);
    return load.recent.Gain() * load.plain.correction;
  }

 private:
  // Sums over steps, older ones counting less. What the worst step took too long is forgiven:
  // machines have hiccups, and a drafter that is slow is slow more than once.
  struct Sums {
    double tokens = 0;
    double seconds = 0;
    double plain_tokens = 0;
    double plain_seconds = 0;
    double hiccup_seconds = 0;  // of `seconds`, beyond the plain ones of the worst step
    double steps = 0;

    void Add(const StepOutcome& step, double memory);
    double Gain() const;
    // Whether drafting loses for all the doubt that chance leaves.
    bool Loses(double correction) const;
  };

  // What runs of plain steps have shown.
  struct PlainRuns {
    double correction = 1;  // of plain_seconds, a factor
    int count = 0;
    std::array<double, kPlainRun - kPlainLead> seconds = {};  // of the run under way

    // A run has ended; its steps seemed to take `expected` seconds each.
    void Learn(double expected);
  };

  struct Load {
    Sums recent;
    Sums lasting;
    int warm_up = 0;          // steps since drafting began that were not counted
    int steps = 0;            // and those counted, up to what proves a drafter
    double lost_seconds = 0;  // by both, as far as they may be a try
    PlainRuns plain;
    int until_plain = kFirstPlainRun;  // drafting steps
    int plain_left = 0;                // steps of a run
    int pause_left = 0;                // steps; 0 while drafting
    int next_pause = kShortestPause;
  };

  // Steps of the pause that begins at this load.
  static int PauseOf(const Load& load);

  static constexpr int kLoads = 16;
  static int IndexOf(int sequences);
  const Load& LoadOf(int sequences) const { return loads_[IndexOf(sequences)]; }

  std::array<Load, kLoads> loads_;
  int settling_left_ = 0;  // steps
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFTING_GATE_H_
