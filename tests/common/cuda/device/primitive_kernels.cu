#include "common/cuda/device/last_block.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/launch.h"
#include "tests/common/cuda/device/primitive_kernels.h"

namespace chimera::testing {
namespace {

using device::LaneIndex;
using device::ThreadIndex;
using device::Words2;
using device::Words4;

struct MmaKernel {
  using Arguments = MmaArguments;
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;

  struct Shared {
    alignas(16) uint16_t a[16][16];
    alignas(16) uint16_t b[16][8];
  };

  static CHIMERA_DEVICE void LoadByMatrices(const Arguments& arguments, device::FragmentA* a,
                                            device::FragmentB* b) {
    Shared& shared = device::SharedMemory<Shared>();
    for (int i = LaneIndex(); i < 256; i += kThreads) shared.a[i / 16][i % 16] = arguments.a[i];
    for (int i = LaneIndex(); i < 128; i += kThreads) shared.b[i / 8][i % 8] = arguments.b[i];
    device::SyncWarp();
    a->words = device::LoadMatrices4(&shared.a[LaneIndex() % 16][LaneIndex() / 16 * 8]);
    b->words = device::LoadMatrices2Transposed(shared.b[LaneIndex() % 16]);
  }

  static CHIMERA_DEVICE uint32_t Pair(uint16_t low, uint16_t high) {
    return uint32_t{high} << 16 | low;
  }

  static CHIMERA_DEVICE void LoadByElements(const Arguments& arguments, device::FragmentA* a,
                                            device::FragmentB* b) {
    const int group = LaneIndex() / 4;
    const int pair = LaneIndex() % 4 * 2;
    CHIMERA_UNROLL
    for (int i = 0; i < 4; ++i) {
      const uint16_t* element = arguments.a + (group + i % 2 * 8) * 16 + pair + i / 2 * 8;
      a->words.word[i] = Pair(element[0], element[1]);
    }
    CHIMERA_UNROLL
    for (int i = 0; i < 2; ++i) {
      const uint16_t* element = arguments.b + (pair + i * 8) * 8 + group;
      b->words.word[i] = Pair(element[0], element[8]);
    }
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::FragmentA a;
    device::FragmentB b;
    if (arguments.loading == Arguments::Loading::kMatrices) {
      LoadByMatrices(arguments, &a, &b);
    } else {
      LoadByElements(arguments, &a, &b);
    }
    const int first = LaneIndex() / 4 * 8 + LaneIndex() % 4 * 2;
    device::FragmentC sum = {{arguments.c[first], arguments.c[first + 1], arguments.c[first + 64],
                              arguments.c[first + 65]}};
    device::MultiplyAccumulate(&sum, a, b);
    arguments.d[first] = sum.value[0];
    arguments.d[first + 1] = sum.value[1];
    arguments.d[first + 64] = sum.value[2];
    arguments.d[first + 65] = sum.value[3];
  }
};

struct LoadMatricesKernel {
  using Arguments = LoadMatricesArguments;
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;

  struct Shared {
    alignas(16) uint16_t rows[32][8];
  };

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    Shared& shared = device::SharedMemory<Shared>();
    for (int i = 0; i < 8; ++i) {
      shared.rows[LaneIndex()][i] = arguments.matrices[LaneIndex() * 8 + i];
    }
    device::SyncThreads();
    uint32_t* const words = arguments.words + LaneIndex() * 4;
    const uint16_t* const row = shared.rows[LaneIndex()];
    device::StoreWords4(words, device::LoadMatrices4(row));
    device::StoreWords2(words + 128, device::LoadMatrices2(row));
    device::StoreWords4(words + 256, device::LoadMatrices4Transposed(row));
    device::StoreWords2(words + 384, device::LoadMatrices2Transposed(row));
  }
};

struct ShuffleKernel {
  using Arguments = ShuffleArguments;
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    const uint32_t value = arguments.values[LaneIndex()];
    uint32_t* const results = arguments.results + LaneIndex();
    results[0] = device::ShuffleXor(value, 5);
    results[32] = device::Shuffle(value, (7 * LaneIndex() + 3) % 32);
    results[64] = device::ShuffleDown(value, 3);
    results[96] = device::Ballot((value & 1u) != 0);
    results[128] = device::ReduceMax(value);
  }
};

struct AtomicsKernel {
  using Arguments = AtomicsArguments;
  static constexpr int kThreads = AtomicsArguments::kThreads;
  static constexpr int kBlocksPerMultiprocessor = 1;

  struct Shared {
    uint32_t sum;
    bool is_last;
  };

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    Shared& shared = device::SharedMemory<Shared>();
    if (ThreadIndex() == 0) shared.sum = 0;
    device::SyncThreads();
    const uint64_t value = arguments.values[device::BlockX() * kThreads + ThreadIndex()];
    device::AtomicAdd(&shared.sum, static_cast<uint32_t>(value));
    device::AtomicAdd(&arguments.results[0], value);
    device::AtomicMax(&arguments.results[1], value);
    device::SyncThreads();
    if (ThreadIndex() == 0) device::AtomicAdd(&arguments.results[2], uint64_t{shared.sum});
    if (!device::IsLastBlock(arguments.arrivals, device::GridX(), &shared.is_last)) return;
    if (ThreadIndex() < 3) arguments.copies[ThreadIndex()] = arguments.results[ThreadIndex()];
  }
};

struct ReverseKernel {
  using Arguments = ReverseArguments;
  static constexpr int kThreads = ReverseArguments::kThreads;
  static constexpr int kBlocksPerMultiprocessor = 2;

  struct Shared {
    Words4 wide[kThreads];
    Words2 narrow[kThreads];
  };

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    Shared& shared = device::SharedMemory<Shared>();
    const int thread = ThreadIndex();
    constexpr int kHalf = kThreads / 2;
    shared.wide[thread] = device::LoadStreaming(arguments.source + thread * 4);
    shared.narrow[thread] = device::LoadWords2(arguments.source + thread * 4);
    device::SyncThreads();
    device::StoreWords4(arguments.wide + thread * 4, shared.wide[kThreads - 1 - thread]);
    device::SyncNamed(1 + thread / kHalf, kHalf);
    device::StoreWords2(arguments.narrow + thread * 2, shared.narrow[thread ^ (kHalf - 1)]);
  }
};

struct AsyncSumKernel {
  using Arguments = AsyncSumArguments;
  static constexpr int kThreads = AsyncSumArguments::kThreads;
  static constexpr int kBlocksPerMultiprocessor = 2;
  static constexpr int kStages = 3;

  struct Shared {
    Words4 stages[kStages][kThreads];
  };

  static CHIMERA_DEVICE void Begin(const Arguments& arguments, int row) {
    Words4* const target = &device::SharedMemory<Shared>().stages[row % kStages][ThreadIndex()];
    const bool is_valid = row < arguments.row_count;
    const int source = is_valid ? row : 0;
    device::CopyAsyncOrZero(target, arguments.rows + (source * kThreads + ThreadIndex()) * 4,
                            is_valid);
    device::CommitAsyncCopies();
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    // The first row comes by the plain form.
    device::CopyAsync(&device::SharedMemory<Shared>().stages[0][ThreadIndex()],
                      arguments.rows + ThreadIndex() * 4);
    device::CommitAsyncCopies();
    Begin(arguments, 1);
    float sum[4] = {};
    for (int row = 0; row < arguments.padded_row_count; ++row) {
      Begin(arguments, row + 2);
      device::WaitForAsyncCopies<kStages - 1>();
      // Its own vector and no other: no barrier is needed.
      const Words4 words = device::SharedMemory<Shared>().stages[row % kStages][ThreadIndex()];
      CHIMERA_UNROLL
      for (int i = 0; i < 4; ++i) sum[i] = device::Add(sum[i], device::BitsToFloat(words.word[i]));
    }
    for (int i = 0; i < 4; ++i) arguments.sums[ThreadIndex() * 4 + i] = sum[i];
  }
};

struct ArithmeticKernel {
  using Arguments = ArithmeticArguments;
  static constexpr int kThreads = 128;
  static constexpr int kBlocksPerMultiprocessor = 4;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    const int i = device::BlockX() * kThreads + ThreadIndex();
    if (i >= arguments.count) return;
    const float a = arguments.a[i];
    const float b = arguments.b[i];
    const float c = arguments.c[i];
    const auto store = [&](Arguments::Operation operation, uint32_t bits) {
      arguments.results[operation * arguments.count + i] = bits;
    };
    store(Arguments::kAdd, device::FloatBits(device::Add(a, b)));
    store(Arguments::kSub, device::FloatBits(device::Sub(a, b)));
    store(Arguments::kMul, device::FloatBits(device::Mul(a, b)));
    store(Arguments::kDiv, device::FloatBits(device::Div(a, b)));
    store(Arguments::kFma, device::FloatBits(device::Fma(a, b, c)));
    store(Arguments::kSqrt, device::FloatBits(device::Sqrt(a)));
    store(Arguments::kMax, device::FloatBits(device::Max(a, b)));
    store(Arguments::kExp2, device::FloatBits(device::Exp2(b)));
    store(Arguments::kLog, device::FloatBits(device::Log(a)));
    store(Arguments::kToBf16, device::FloatToBf16(a));
    const auto upper = static_cast<uint16_t>(device::FloatBits(a) >> 16);
    store(Arguments::kFromBf16, device::FloatBits(device::Bf16ToFloat(upper)));
    const uint32_t pair = device::PackBf16(a, b);
    store(Arguments::kPack, pair);
    store(Arguments::kUnpack,
          device::FloatBits(device::Sub(device::HighBf16(pair), device::LowBf16(pair))));
  }
};

}  // namespace

absl::Status LaunchMma(StreamView stream, const MmaArguments& arguments) {
  return Launch<MmaKernel>(stream, {{1, 1, 1}, sizeof(MmaKernel::Shared)}, arguments);
}

absl::Status LaunchLoadMatrices(StreamView stream, const LoadMatricesArguments& arguments) {
  return Launch<LoadMatricesKernel>(stream, {{1, 1, 1}, sizeof(LoadMatricesKernel::Shared)},
                                    arguments);
}

absl::Status LaunchShuffles(StreamView stream, const ShuffleArguments& arguments) {
  return Launch<ShuffleKernel>(stream, {}, arguments);
}

absl::Status LaunchAtomics(StreamView stream, const AtomicsArguments& arguments) {
  return Launch<AtomicsKernel>(
      stream, {{AtomicsArguments::kBlocks, 1, 1}, sizeof(AtomicsKernel::Shared)}, arguments);
}

absl::Status LaunchReverse(StreamView stream, const ReverseArguments& arguments) {
  return Launch<ReverseKernel>(stream, {{1, 1, 1}, sizeof(ReverseKernel::Shared)}, arguments);
}

absl::Status LaunchAsyncSum(StreamView stream, const AsyncSumArguments& arguments) {
  return Launch<AsyncSumKernel>(stream, {{1, 1, 1}, sizeof(AsyncSumKernel::Shared)}, arguments);
}

absl::Status LaunchArithmetic(StreamView stream, const ArithmeticArguments& arguments) {
  const int blocks =
      (arguments.count + ArithmeticKernel::kThreads - 1) / ArithmeticKernel::kThreads;
  return Launch<ArithmeticKernel>(stream, {{blocks, 1, 1}, 0}, arguments);
}

}  // namespace chimera::testing
