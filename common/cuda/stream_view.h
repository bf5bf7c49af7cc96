// Where a launch goes.

#ifndef CHIMERA_COMMON_CUDA_STREAM_VIEW_H_
#define CHIMERA_COMMON_CUDA_STREAM_VIEW_H_

struct CUstream_st;  // cudaStream_t points to one

namespace chimera {
namespace emulation {
class Emulator;
}

// A CUDA stream, or the emulator that stands in for one. Owns neither: whichever it is must outlive
// the view and all that was launched through it. Code compiled by nvcc launches to streams only,
// the same code compiled as plain C++ to emulators only; the other kind is a bug of the caller.
class StreamView {
 public:
  explicit StreamView(CUstream_st* stream) : stream_(stream) {}
  explicit StreamView(emulation::Emulator* emulator) : emulator_(emulator) {}
  explicit StreamView(int) = delete;                // no stream out of a 0
  explicit StreamView(decltype(nullptr)) = delete;  // the default stream orders itself with others

  // Null for an emulator.
  CUstream_st* cuda_stream() const { return stream_; }
  // Null for a stream.
  emulation::Emulator* emulator() const { return emulator_; }

 private:
  CUstream_st* stream_ = nullptr;
  emulation::Emulator* emulator_ = nullptr;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_STREAM_VIEW_H_
