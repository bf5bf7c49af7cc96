// Text from a file for messages, logs and protocol fields.

#ifndef CHIMERA_COMMON_MODEL_PRINTABLE_H_
#define CHIMERA_COMMON_MODEL_PRINTABLE_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace chimera {

// At most this many bytes of a text are shown.
inline constexpr size_t kMaxPrintableBytes = 128;

// `text` in printable ASCII: other bytes become C escapes, and "..." stands for what is beyond
// kMaxPrintableBytes. A file may hold gigabytes, control sequences or invalid UTF-8 in its place.
inline std::string Printable(absl::string_view text) {
  return absl::StrCat(absl::CHexEscape(text.substr(0, kMaxPrintableBytes)),
                      text.size() > kMaxPrintableBytes ? "..." : "");
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_PRINTABLE_H_
