// Labels whose values are known beforehand: each is an enum, so that no other value can be counted.

#ifndef CHIMERA_COMMON_METRICS_LABELS_H_
#define CHIMERA_COMMON_METRICS_LABELS_H_

#include <array>

#include "common/tree/candidate_source.h"

namespace chimera {

// Name and values of the label that an enum stands for: kName, and kValues in the enum's order.
template <typename Enum>
struct Label;

// How a request ended.
enum class FinishedReason { kStop, kLength, kAbort, kError };

template <>
struct Label<FinishedReason> {
  static constexpr char kName[] = "finished_reason";
  static constexpr std::array kValues = {"stop", "length", "abort", "error"};
};

// Why a request was not taken in.
enum class RejectReason { kQueueFull, kDraining, kInvalid, kTooLong };

template <>
struct Label<RejectReason> {
  static constexpr char kName[] = "reason";
  static constexpr std::array kValues = {"queue_full", "draining", "invalid", "too_long"};
};

// Whether a reply was sent as it grew.
enum class ReplyStreaming { kOff, kOn };

template <>
struct Label<ReplyStreaming> {
  static constexpr char kName[] = "stream";
  static constexpr std::array kValues = {"false", "true"};
};

// A part of a step. Sampling is part of verification: the device does both.
enum class StepStage { kDraft, kLink, kVerify, kCommit };

template <>
struct Label<StepStage> {
  static constexpr char kName[] = "stage";
  static constexpr std::array kValues = {"draft", "link", "verify", "commit"};
};

// Which way bytes went on a link, as seen by the process that counts them.
enum class LinkDirection { kSent, kReceived };

template <>
struct Label<LinkDirection> {
  static constexpr char kName[] = "direction";
  static constexpr std::array kValues = {"sent", "received"};
};

template <>
struct Label<CandidateSource> {
  static constexpr char kName[] = "source";
  static constexpr std::array kValues = {"network", "ngram"};
};

// Why a sequence that decodes got no draft for a step, or none of it was verified.
enum class FallbackReason {
  kDown,      // no drafter was ready when the draft should have been asked for
  kTimeout,   // the draft did not come in time, or the drafter is still behind with others
  kStale,     // the drafter did not know the sequence, or drafted for another state of it
  kMismatch,  // the draft was malformed: not a tree that was asked for
  kOverload,  // the drafter had no room for the sequence
  kDisabled,  // none was wanted: by the request, or because no candidate pays at this load
  kNotAsked,  // the drafter was still being told what came before, or no token is left to draft
};

template <>
struct Label<FallbackReason> {
  static constexpr char kName[] = "reason";
  static constexpr std::array kValues = {"down",     "timeout",  "stale",    "mismatch",
                                         "overload", "disabled", "not_asked"};
};

// Why a drafter refused a stream, a message or, in the last two cases, a part of one.
enum class RefusalReason {
  kProtocolViolation,
  kProtocolMismatch,
  kFingerprintMismatch,
  kTooManyStreams,
  kDraining,
  kUnknownSequence,
  kOverloaded,
};

template <>
struct Label<RefusalReason> {
  static constexpr char kName[] = "reason";
  static constexpr std::array kValues = {
      "protocol_violation", "protocol_mismatch", "fingerprint_mismatch",
      "too_many_streams",   "draining",          "unknown_sequence",
      "overloaded"};
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_LABELS_H_
