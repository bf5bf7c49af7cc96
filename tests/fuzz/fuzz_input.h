// What a fuzzer is given.

#ifndef CHIMERA_TESTS_FUZZ_FUZZ_INPUT_H_
#define CHIMERA_TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

// Processes one input and ends the process where what comes out is not as it must be. Every
// *_fuzzer.cc defines it; libFuzzer or replay_main.cc calls it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace chimera::testing {

inline absl::string_view AsText(const uint8_t* data, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(data), size);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_FUZZ_FUZZ_INPUT_H_
