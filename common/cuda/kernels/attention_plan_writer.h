// Puts the records of an attention plan one behind the other.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_PLAN_WRITER_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_PLAN_WRITER_H_

#include <cstdint>
#include <cstring>
#include <span>

#include "common/base/check.h"

namespace chimera {

// Offsets are in elements of int32_t. Not thread-safe.
class AttentionPlanWriter {
 public:
  // Records begin at multiples of this offset.
  static constexpr int kAlignment = 4;

  // Elements that a record takes.
  template <typename Record>
  static constexpr int kRecordSize = static_cast<int>(sizeof(Record) / sizeof(int32_t));

  // `buffer` must outlive the writer.
  explicit AttentionPlanWriter(std::span<int32_t> buffer) : buffer_(buffer) {}

  // Elements written or reserved so far.
  int size() const { return size_; }

  // Leaves room for records and returns the offset of the first.
  template <typename Record>
  int Reserve(int count) {
    static_assert(alignof(Record) == kAlignment * sizeof(int32_t));
    size_ = (size_ + kAlignment - 1) / kAlignment * kAlignment;
    return Take(count * kRecordSize<Record>);
  }

  // Writes records where there is room for them.
  template <typename Record>
  void Write(int offset, std::span<const Record> records) {
    if (records.empty()) return;  // memcpy takes no null pointers
    std::memcpy(buffer_.data() + offset, records.data(), records.size_bytes());
  }

  // Both of them.
  template <typename Record>
  int Append(std::span<const Record> records) {
    const int offset = Reserve<Record>(static_cast<int>(records.size()));
    Write(offset, records);
    return offset;
  }

  // Writes a page table and returns its offset.
  int AppendPages(std::span<const int32_t> pages) {
    const int offset = Take(static_cast<int>(pages.size()));
    Write(offset, pages);
    return offset;
  }

 private:
  int Take(int size) {
    const int offset = size_;
    size_ += size;
    CHIMERA_CHECK(size_ <= static_cast<int64_t>(buffer_.size()))
        << "a plan of " << size_ << " elements in a buffer of " << buffer_.size();
    return offset;
  }

  const std::span<int32_t> buffer_;
  int size_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_PLAN_WRITER_H_
