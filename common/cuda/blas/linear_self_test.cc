#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/float16.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/linear.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"

namespace chimera::cuda {
namespace {

// bf16 of random signs and mantissas, of magnitudes from 2^-8 to 2.
uint16_t RandomElement(std::mt19937& random) {
  const uint32_t bits = random();
  const uint32_t exponent = 119 + (bits >> 8 & 0xff) % 9;
  return static_cast<uint16_t>((bits & 0x8000u) | exponent << 7 | (bits >> 24 & 0x7f));
}

double Dot(std::span<const uint16_t> x, std::span<const uint16_t> w) {
  double sum = 0;
  for (size_t k = 0; k < x.size(); ++k) sum += double{Bf16ToFloat(x[k])} * Bf16ToFloat(w[k]);
  return sum;
}

// Changes three elements of x so that its product with w all but vanishes. What fp32 makes of it is
// then what it has rounded, which bf16 does not hide and which depends on every order.
void Cancel(std::span<uint16_t> x, std::span<const uint16_t> w) {
  constexpr int kChanged = 3;  // each leaves 2^-9 of the sum at most
  const auto is_larger = [&](size_t i, size_t j) { return (w[i] & 0x7fff) > (w[j] & 0x7fff); };
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::partial_sort(order.begin(), order.begin() + kChanged, order.end(), is_larger);
  for (int i = 0; i < kChanged; ++i) x[order[i]] = 0;
  for (int i = 0; i < kChanged; ++i) {
    const float factor = Bf16ToFloat(w[order[i]]);
    if (factor == 0) return;
    x[order[i]] = FloatToBf16(static_cast<float>(-Dot(x, w) / factor));
  }
}

// What the test computes with. The stream must have finished before it is destroyed.
template <typename Output>
class RowTest {
 public:
  RowTest(BlasLinear<Output>& linear, DeviceSpan<const uint16_t> weight, Stream& stream)
      : linear_(linear),
        weight_(weight),
        stream_(stream),
        input_size_(linear.config().input_size),
        output_size_(linear.config().output_size),
        max_row_count_(linear.config().max_row_count) {}

  absl::Status Run() {
    CHIMERA_RETURN_IF_ERROR(Allocate());
    CHIMERA_RETURN_IF_ERROR(MakeRows());
    std::vector<int> places(kPinnedRows);
    std::iota(places.begin(), places.end(), 0);
    CHIMERA_RETURN_IF_ERROR(Compute(places, kPinnedRows));
    const std::vector<Output> expected(outputs_.span().begin(), outputs_.span().end());
    // An algorithm may leave to the library what suits few rows, or many.
    for (const int row_count :
         std::set{kPinnedRows, 2 * kPinnedRows, kSelfTestRows, static_cast<int>(max_row_count_)}) {
      places = RandomPlaces(row_count);
      CHIMERA_RETURN_IF_ERROR(Compute(places, row_count));
      CHIMERA_RETURN_IF_ERROR(Compare(expected, places, row_count));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Allocate() {
    rows_.resize(kPinnedRows * input_size_);
    CHIMERA_ASSIGN_OR_RETURN(inputs_,
                             PinnedBuffer<uint16_t>::Allocate(max_row_count_ * input_size_));
    CHIMERA_ASSIGN_OR_RETURN(outputs_, PinnedBuffer<Output>::Allocate(kPinnedRows * output_size_));
    CHIMERA_ASSIGN_OR_RETURN(device_inputs_,
                             DeviceBuffer<uint16_t>::Allocate(max_row_count_ * input_size_));
    CHIMERA_ASSIGN_OR_RETURN(device_outputs_,
                             DeviceBuffer<Output>::Allocate(max_row_count_ * output_size_));
    CHIMERA_ASSIGN_OR_RETURN(workspace_,
                             DeviceBuffer<std::byte>::Allocate(linear_.workspace_bytes()));
    return absl::OkStatus();
  }

  // Each cancels another of the first rows of the weight.
  absl::Status MakeRows() {
    const size_t weight_rows = std::min<size_t>(kPinnedRows, output_size_);
    CHIMERA_ASSIGN_OR_RETURN(weight_rows_,
                             PinnedBuffer<uint16_t>::Allocate(weight_rows * input_size_));
    CHIMERA_RETURN_IF_ERROR(
        CopyToHost(weight_rows_.span(), weight_.subspan(0, weight_rows_.size()), stream_));
    CHIMERA_RETURN_IF_ERROR(stream_.Synchronize());
    for (uint16_t& element : rows_) element = RandomElement(random_);
    for (size_t i = 0; i < kPinnedRows; ++i) {
      Cancel(std::span(rows_).subspan(i * input_size_, input_size_),
             weight_rows_.span().subspan(i % weight_rows * input_size_, input_size_));
    }
    return absl::OkStatus();
  }

  // For each of the rows under test a place of its own in [0, row_count).
  std::vector<int> RandomPlaces(int row_count) {
    std::vector<int> places(row_count);
    std::iota(places.begin(), places.end(), 0);
    std::shuffle(places.begin(), places.end(), random_);
    places.resize(kPinnedRows);
    return places;
  }

  // Computes the rows in these places, among others at random; leaves their results in outputs_.
  absl::Status Compute(const std::vector<int>& places, int row_count) {
    const size_t inputs = row_count * input_size_;
    for (uint16_t& element : inputs_.span().first(inputs)) element = RandomElement(random_);
    for (int i = 0; i < kPinnedRows; ++i) {
      std::copy_n(rows_.begin() + i * input_size_, input_size_,
                  inputs_.span().begin() + places[i] * input_size_);
    }
    CHIMERA_RETURN_IF_ERROR(CopyToDevice(device_inputs_.span().subspan(0, inputs),
                                         inputs_.span().first(inputs), stream_));
    CHIMERA_RETURN_IF_ERROR(linear_.Run({.row_count = row_count,
                                         .input = device_inputs_.span(),
                                         .weight = weight_,
                                         .output = device_outputs_.span(),
                                         .workspace = workspace_.span()},
                                        stream_));
    for (int i = 0; i < kPinnedRows; ++i) {
      CHIMERA_RETURN_IF_ERROR(CopyToHost(
          outputs_.span().subspan(i * output_size_, output_size_),
          device_outputs_.span().subspan(places[i] * output_size_, output_size_), stream_));
    }
    return stream_.Synchronize();
  }

  absl::Status Compare(const std::vector<Output>& expected, const std::vector<int>& places,
                       int row_count) {
    for (int i = 0; i < kPinnedRows; ++i) {
      const size_t first = i * output_size_;
      if (std::memcmp(&expected[first], &outputs_.span()[first], output_size_ * sizeof(Output)) !=
          0) {
        return absl::FailedPreconditionError(
            absl::StrCat("a linear layer's rows depend on the batch: row ", i, " of ", kPinnedRows,
                         " has other bits as row ", places[i], " of ", row_count, " (",
                         linear_.description(), ")"));
      }
    }
    return absl::OkStatus();
  }

  BlasLinear<Output>& linear_;
  const DeviceSpan<const uint16_t> weight_;
  Stream& stream_;
  const size_t input_size_;
  const size_t output_size_;
  const size_t max_row_count_;  // at least kSelfTestRows
  std::mt19937 random_{1};
  std::vector<uint16_t> rows_;  // [kPinnedRows, input_size], the rows under test
  PinnedBuffer<uint16_t> weight_rows_;
  PinnedBuffer<uint16_t> inputs_;
  PinnedBuffer<Output> outputs_;  // [kPinnedRows, output_size], theirs
  DeviceBuffer<uint16_t> device_inputs_;
  DeviceBuffer<Output> device_outputs_;
  DeviceBuffer<std::byte> workspace_;
};

}  // namespace

template <typename Output>
absl::Status BlasLinear<Output>::SelfTest(DeviceSpan<const uint16_t> weight, Stream& stream) {
  CHIMERA_CHECK(config().mode == BlasMode::kPinned) << "only pinned rows keep their bits";
  RowTest<Output> test(*this, weight, stream);
  const absl::Status tested = test.Run();
  // Also after an error, since the memory of the test is freed next.
  absl::Status finished = stream.Synchronize();
  CHIMERA_RETURN_IF_ERROR(tested);
  return finished;
}

template class BlasLinear<float>;
template class BlasLinear<uint16_t>;

}  // namespace chimera::cuda
