// The kernel of fragment_gemm.h. Included by fragment_gemm.cu only.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_KERNEL_H_
#define CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_KERNEL_H_

#include <cstdint>
#include <numeric>

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/fragment_gemm.h"
#include "common/cuda/kernels/fragment_gemm_input.h"

namespace chimera {

// What the instances of the kernel differ in, none of which has an influence on bits. A step is one
// tile of k.
template <int kTokenTilesOf, int kFeatureTilesOf, int kStepsOf, int kRingOf, int kBlocksOf,
          bool kSumsOf>
struct FragmentGemmShape {
  static constexpr int kTokenTiles = kTokenTilesOf;      // of 8 rows
  static constexpr int kFeatureTiles = kFeatureTilesOf;  // of 16 features, of each warp
  static constexpr int kSteps = kStepsOf;                // of a stage: input that is copied at once
  static constexpr int kRing = kRingOf;                  // steps whose weights have registers
  static constexpr int kBlocks = kBlocksOf;              // of a multiprocessor
  static constexpr bool kSums = kSumsOf;  // walks through all splits and adds them up
  // Stages after which steps have the same registers again.
  static constexpr int kPhases = std::lcm(kSteps, kRing) / kSteps;
  static_assert(kSteps <= kRing && kRing <= 2 * kSteps && kPhases <= 3);
};

// Weights go from memory straight to the registers of the one warp that needs them, a stage ahead.
// Every warp has features of its own and all rows of the block: none splits k, so that each element
// has one chain of accumulation. Input is shared by the warps, double buffered in shared memory,
// with one barrier per stage.
template <typename Shape>
struct FragmentGemmKernel {
  struct Arguments {
    FragmentGemmArguments gemm;
    int split_count;
  };

  static constexpr int kThreads = 256;
  static constexpr int kBlocksPerMultiprocessor = Shape::kBlocks;
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kRows = Shape::kTokenTiles * 8;
  static constexpr int kFeatures = kWarps * Shape::kFeatureTiles * kFragmentSize;
  static constexpr int kTileElements = kFragmentSize * kFragmentSize;
  using Input = FragmentGemmInput<Shape::kTokenTiles, Shape::kSteps, kThreads>;

  // Of a launch: two stages of input and, where there is something to add, a sum for each
  // accumulator.
  static constexpr int SharedBytes(int split_count) {
    const int sums = Shape::kFeatureTiles * Shape::kTokenTiles * kThreads;
    return 2 * Input::kBytes + (Shape::kSums && split_count > 1 ? sums * 16 : 0);
  }

  // Steps of one split whose input lies in shared memory together.
  struct Stage {
    int split;
    int first;
    int count;  // 0: there is none
  };

  static CHIMERA_DEVICE Stage StageFrom(const Arguments& arguments, int split, int first) {
    const int end = FragmentSplitBegin(split + 1, arguments.split_count, arguments.gemm.input_size);
    return {split, first, end - first < Shape::kSteps ? end - first : Shape::kSteps};
  }

  // The stage after `stage`, in the next split if need be and if the block has one.
  static CHIMERA_DEVICE Stage Following(const Arguments& arguments, const Stage& stage) {
    const int first = stage.first + stage.count;
    const Stage same = StageFrom(arguments, stage.split, first);
    if (same.count > 0) return same;
    if (!Shape::kSums || stage.split + 1 == arguments.split_count) return {stage.split, first, 0};
    return StageFrom(arguments, stage.split + 1, first);
  }

  // What a warp has in registers.
  struct Warp {
    const uint16_t* weights[Shape::kFeatureTiles];  // the lane's of the stage's first step
    int input_offset;                               // Input::LaneOffset()
    device::FragmentA ring[Shape::kRing][Shape::kFeatureTiles];
    device::FragmentC sums[Shape::kFeatureTiles][Shape::kTokenTiles];
  };

  // Begins to load the weights of a step, counted from the stage's first.
  static CHIMERA_DEVICE void LoadWeights(int step, int slot, Warp* warp) {
    CHIMERA_UNROLL
    for (int i = 0; i < Shape::kFeatureTiles; ++i) {
      warp->ring[slot][i].words =
          device::LoadStreaming(warp->weights[i] + int64_t{step} * kTileElements);
    }
  }

  static CHIMERA_DEVICE void Clear(Warp* warp) {
    CHIMERA_UNROLL
    for (int i = 0; i < Shape::kFeatureTiles; ++i) {
      CHIMERA_UNROLL
      for (int j = 0; j < Shape::kTokenTiles; ++j) warp->sums[i][j] = {};
    }
  }

  static CHIMERA_DEVICE void Multiply(const unsigned char* input, int step, int slot, Warp* warp) {
    constexpr int kTilesAtOnce = Shape::kTokenTiles == 1 ? 1 : 2;
    CHIMERA_UNROLL
    for (int j = 0; j < Shape::kTokenTiles; j += kTilesAtOnce) {
      device::FragmentB b[kTilesAtOnce];
      Input::Load(input, warp->input_offset, step, j, b);
      CHIMERA_UNROLL
      for (int i = 0; i < Shape::kFeatureTiles; ++i) {
        CHIMERA_UNROLL
        for (int tile = 0; tile < kTilesAtOnce; ++tile) {
          device::MultiplyAccumulate(&warp->sums[i][j + tile], warp->ring[slot][i], b[tile]);
        }
      }
    }
  }

  // 0, which the compiler takes for a number that `value` is needed for: grids have one block along
  // z.
  static CHIMERA_DEVICE int ZeroAfter(float value) {
    return static_cast<int>(device::FloatBits(value) & static_cast<uint32_t>(device::BlockZ()));
  }

  // Step p of a stage has the same slot of the ring even where a stage before was not full, so that
  // slots are known to the compiler; with kIsFull it knows that all steps are there, too. Each step
  // of the next stage, whose weights follow this one's whichever split they are of, is loaded as
  // soon as its slot is free, and no step beyond: a warp waits for loads by one of six counters
  // that the hardware has, hence at its first product of a stage for all that it has asked for.
  // Where slots are free from the start, the compiler must not move loads before that product.
  template <bool kIsFull, int kPhase>
  static CHIMERA_DEVICE void RunStage(const unsigned char* input, int step_count,
                                      int next_step_count, Warp* warp) {
    constexpr int kFirstSlot = kPhase * Shape::kSteps;
    const int count = kIsFull ? Shape::kSteps : step_count;
    CHIMERA_UNROLL
    for (int step = 0; step < Shape::kSteps; ++step) {
      if (kIsFull || step < count) {
        Multiply(input, step, (kFirstSlot + step) % Shape::kRing, warp);
      }
      CHIMERA_UNROLL
      for (int next = 0; next < Shape::kSteps; ++next) {
        const int last_use = Shape::kSteps + next - Shape::kRing;
        if ((last_use > 0 ? last_use : 0) != step || next >= next_step_count) continue;
        const int zero = Shape::kRing > Shape::kSteps ? ZeroAfter(warp->sums[0][0].value[0]) : 0;
        const int slot = (kFirstSlot + Shape::kSteps + next) % Shape::kRing;
        LoadWeights(count + next + zero, slot, warp);
      }
    }
    CHIMERA_UNROLL
    for (const uint16_t*& weights : warp->weights) weights += int64_t{count} * kTileElements;
  }

  // Adds a split's sums to those of the splits before it, which a thread keeps in shared memory.
  static CHIMERA_DEVICE void AddSplit(const Stage& stage, bool is_last, unsigned char* shared,
                                      Warp* warp) {
    CHIMERA_UNROLL
    for (int i = 0; i < Shape::kFeatureTiles; ++i) {
      CHIMERA_UNROLL
      for (int j = 0; j < Shape::kTokenTiles; ++j) {
        unsigned char* const place =
            shared + ((i * Shape::kTokenTiles + j) * kThreads + device::ThreadIndex()) * 16;
        device::Words4 total = {};
        if (stage.split > 0) total = device::LoadWords4(place);
        CHIMERA_UNROLL
        for (int r = 0; r < 4; ++r) {
          float& sum = warp->sums[i][j].value[r];
          sum = device::Add(device::BitsToFloat(total.word[r]), sum);
          total.word[r] = device::FloatBits(sum);
        }
        if (!is_last) device::StoreWords4(place, total);
      }
    }
    if (!is_last) Clear(warp);
  }

  // Eight lanes write eight features of a row: whole sectors of 32 bytes.
  static CHIMERA_DEVICE void Store(const FragmentGemmArguments& gemm, int first_row,
                                   int first_feature, int split, const Warp& warp) {
    const int lane = device::LaneIndex();
    float* const output = gemm.output + int64_t{split} * gemm.row_count * gemm.output_size;
    CHIMERA_UNROLL
    for (int j = 0; j < Shape::kTokenTiles; ++j) {
      CHIMERA_UNROLL
      for (int parity = 0; parity < 2; ++parity) {
        const int row = first_row + j * 8 + lane % 4 * 2 + parity;
        if (row >= gemm.row_count) continue;
        float* const target = output + int64_t{row} * gemm.output_size + first_feature + lane / 4;
        CHIMERA_UNROLL
        for (int i = 0; i < Shape::kFeatureTiles; ++i) {
          if (first_feature + i * kFragmentSize >= gemm.output_size) continue;
          target[i * kFragmentSize] = warp.sums[i][j].value[parity];
          target[i * kFragmentSize + 8] = warp.sums[i][j].value[2 + parity];
        }
      }
    }
  }

  // Where a block is in its walk through k.
  struct Walk {
    Stage stage;
    int buffer;  // of input, that of the stage
    int first_row;
    bool is_active;  // whether the warp has features
  };

  // Runs one stage while the next one's input is on its way.
  template <int kPhase>
  static CHIMERA_DEVICE void Advance(const Arguments& arguments, unsigned char* shared, Walk* walk,
                                     Warp* warp) {
    const Stage stage = walk->stage;
    const Stage next = Following(arguments, stage);
    device::WaitForAsyncCopies<0>();
    // The stage is there for all warps, and all have done with the buffer of the one before.
    device::SyncThreads();
    const unsigned char* const input = shared + walk->buffer * Input::kBytes;
    walk->buffer = 1 - walk->buffer;
    Input::Copy(arguments.gemm, walk->first_row, next.first, next.count,
                shared + walk->buffer * Input::kBytes);
    device::CommitAsyncCopies();
    if (walk->is_active) {
      if (stage.count == Shape::kSteps) {
        RunStage<true, kPhase>(input, stage.count, next.count, warp);
      } else {
        RunStage<false, kPhase>(input, stage.count, next.count, warp);
      }
      const bool is_last = next.count == 0;
      if (Shape::kSums && (is_last || next.split != stage.split)) {
        AddSplit(stage, is_last, shared + 2 * Input::kBytes, warp);
      }
    }
    walk->stage = next;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    const FragmentGemmArguments& gemm = arguments.gemm;
    // Blocks beside each other share weights where there are many rows, so that these come from
    // memory once.
    const int feature_block = Shape::kSums ? device::BlockY() : device::BlockX();
    const int first_split = Shape::kSums ? 0 : device::BlockY();
    const int first_feature =
        feature_block * kFeatures + device::WarpIndex() * Shape::kFeatureTiles * kFragmentSize;
    Walk walk = {StageFrom(arguments, first_split,
                           FragmentSplitBegin(first_split, arguments.split_count, gemm.input_size)),
                 0, Shape::kSums ? device::BlockX() * kRows : 0, first_feature < gemm.output_size};
    Warp warp;
    warp.input_offset = Input::LaneOffset();
    Clear(&warp);
    CHIMERA_UNROLL
    for (int i = 0; i < Shape::kFeatureTiles; ++i) {
      // A second tile beyond the last feature is the last one again, and is not stored.
      const int last_tile = gemm.output_size - kFragmentSize;
      const int own_tile = first_feature + i * kFragmentSize;
      const int feature = own_tile < last_tile ? own_tile : last_tile;
      warp.weights[i] = gemm.weights + int64_t{feature} * gemm.input_size +
                        int64_t{walk.stage.first} * kTileElements + device::LaneIndex() * 8;
    }
    CHIMERA_UNROLL
    for (int step = 0; step < Shape::kSteps; ++step) {
      if (walk.is_active && step < walk.stage.count) LoadWeights(step, step, &warp);
    }
    device::WaitForPriorLaunch();

    unsigned char* const shared =
        device::SharedArray<unsigned char>(SharedBytes(arguments.split_count));
    Input::Copy(gemm, walk.first_row, walk.stage.first, walk.stage.count, shared);
    device::CommitAsyncCopies();
    while (walk.stage.count > 0) {
      Advance<0>(arguments, shared, &walk, &warp);
      if constexpr (Shape::kPhases > 1) {
        if (walk.stage.count > 0) Advance<1>(arguments, shared, &walk, &warp);
      }
      if constexpr (Shape::kPhases > 2) {
        if (walk.stage.count > 0) Advance<2>(arguments, shared, &walk, &warp);
      }
    }
    if (walk.is_active) Store(gemm, walk.first_row, first_feature, first_split, warp);
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_KERNEL_H_
