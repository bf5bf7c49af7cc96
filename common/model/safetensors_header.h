// The JSON header of safetensors files.

#ifndef CHIMERA_COMMON_MODEL_SAFETENSORS_HEADER_H_
#define CHIMERA_COMMON_MODEL_SAFETENSORS_HEADER_H_

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/safetensors_tensor.h"

namespace chimera {

// Reads `header`, padding included, whose tensors lie in `data`, the file from the header's end;
// `data` must outlive the result. INVALID_ARGUMENT, naming the tensor or key, where the header is
// not JSON of just the format's form, has a key twice, or a tensor leaves the data or differs in
// size from its shape; UNIMPLEMENTED, naming the tensor, for a type that Chimera does not know.
// Whether tensors overlap is not looked at.
absl::StatusOr<SafetensorsContents> ReadSafetensorsHeader(absl::string_view header,
                                                          std::span<const std::byte> data);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_SAFETENSORS_HEADER_H_
