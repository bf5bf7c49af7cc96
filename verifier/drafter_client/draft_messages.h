// The messages of proto/chimera/v1/drafter_service.proto, as the verifier writes and reads them.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_MESSAGES_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_MESSAGES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "chimera/v1/drafter_service.pb.h"
#include "common/model/target_info.h"
#include "common/rpc/proto_conversion.h"
#include "verifier/drafter_client/draft_source.h"

namespace chimera {

// Whether a drafter made for another quantisation of the model may serve.
enum class OtherWeights { kRefuse, kAllow };

// Text from a peer is cut to so many bytes before it is logged, shown or kept.
inline constexpr size_t kMaxPeerNameBytes = 256;     // names and fingerprints
inline constexpr size_t kMaxPeerReasonBytes = 1024;  // why it ended a stream

// Introduces the target to a drafter.
void WriteHello(const TargetInfo& target, v1::Hello* hello);

// Checks that a drafter fits the target, and that what it asks for is within the protocol's limits.
// FAILED_PRECONDITION says what is not.
absl::Status CheckReady(const v1::Ready& ready, const TargetInfo& target,
                        OtherWeights other_weights);

// The session that a Ready begins. REQUIRES: CheckReady accepted it.
DraftSession ReadReady(const v1::Ready& ready, int64_t session_id);

// How many drafts the reply to these updates must have.
size_t CountDraftsAskedFor(std::span<const DraftUpdate> updates);

// Writes one step's news but for its number. Hidden states are left out where no layer is tapped.
void WriteStep(std::span<const DraftUpdate> updates, const DraftPrices& prices,
               HiddenRowShape shape, v1::StepRequest* step);

// Reads the drafts of a reply. Their trees are not validated, but those too large to be valid, or
// with a source that the protocol does not know, are not copied: their drafts come out malformed,
// as do those of an unknown outcome.
std::vector<Draft> ReadReply(const v1::StepReply& reply);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_MESSAGES_H_
