// Bounds how much memory may be asked for at once while an input is processed.

#ifndef CHIMERA_TESTS_FUZZ_ALLOCATION_LIMIT_H_
#define CHIMERA_TESTS_FUZZ_ALLOCATION_LIMIT_H_

#include <cstddef>

namespace chimera::testing {

// While one of these lives, a single allocation of more than `factor` times the input, or of more
// than `floor_bytes` where that is larger, ends the process: a number in the input was taken for a
// size before it was compared with what the input holds. Every way to the heap counts, in any
// thread, because a sanitizer's runtime reports it; in a build without one nothing is bounded. At
// most one at a time.
class AllocationLimit {
 public:
  // For what copies or indexes its input.
  static constexpr size_t kFactor = 4;
  // For what tokenises text: merging a word takes a queue of pairs of 8 bytes, at most two for each
  // byte of the word (BpeMerger); what bounds the memory there is the longest text.
  static constexpr size_t kTextFactor = 16;

  // Room for what is asked for whatever the input: the buffer of a file stream, at 8 KiB the
  // largest, the regular expression of a tokenizer, messages of errors, tables that start with some
  // room.
  static constexpr size_t kFloorBytes = size_t{16} << 10;
  // For a conversation: of each of its 1024 messages, which may be empty, 64 bytes are kept.
  static constexpr size_t kConversationFloorBytes = size_t{64} << 10;

  explicit AllocationLimit(size_t input_bytes, size_t factor = kFactor,
                           size_t floor_bytes = kFloorBytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_FUZZ_ALLOCATION_LIMIT_H_
