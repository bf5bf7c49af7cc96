// Where a launch goes.

#ifndef CHIMERA_COMMON_CUDA_STREAM_VIEW_H_
#define CHIMERA_COMMON_CUDA_STREAM_VIEW_H_

namespace chimera {
namespace cuda {
class Stream;
}
namespace emulation {
class Emulator;
}

// A stream, or the emulator itself, which runs launches at once: for tests of kernels alone. Owns
// neither: whichever it is must outlive the view and all that was launched through it. Code
// compiled by nvcc launches to streams only.
class StreamView {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a stream is passed wherever a view is asked for
  StreamView(cuda::Stream& stream) : stream_(&stream) {}
  explicit StreamView(emulation::Emulator& emulator) : emulator_(&emulator) {}

  // Null for an emulator.
  cuda::Stream* stream() const { return stream_; }
  // Null for a stream.
  emulation::Emulator* emulator() const { return emulator_; }

 private:
  cuda::Stream* stream_ = nullptr;
  emulation::Emulator* emulator_ = nullptr;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_STREAM_VIEW_H_
