// Keeps the hash of a model file's weights beside the file, so that only the first start reads it
// all.

#ifndef CHIMERA_COMMON_MODEL_FINGERPRINT_CACHE_H_
#define CHIMERA_COMMON_MODEL_FINGERPRINT_CACHE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/base/mapped_file.h"

namespace chimera {

// Where the hash of the model at `model_path` is kept: one line of text,
// "chimera-weights 1 <size> <modification time in ns> <inode> <hash>".
std::string FingerprintCachePath(const std::string& model_path);

// The kept hash, or nothing where there is none for this state of the file or it is malformed.
std::optional<std::string> LoadCachedWeightsFingerprint(const std::string& model_path,
                                                        const FileStamp& stamp);

// Replaces the kept hash in one piece, so that a reader never sees half of it. Keeps nothing, with
// FAILED_PRECONDITION, for a file modified within the last two seconds: modified once more, it
// could keep its stamp, because file systems' clocks move in steps. Other errors as the system says
// (a read-only mount, a full disk); nothing is left behind then.
absl::Status StoreCachedWeightsFingerprint(const std::string& model_path, const FileStamp& stamp,
                                           const std::string& weights);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_FINGERPRINT_CACHE_H_
