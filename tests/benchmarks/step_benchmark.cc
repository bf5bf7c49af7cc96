// Prints how long a step of the default model takes on this machine, as the best of several runs.
//
//   step_benchmark [threads]        $CHIMERA_MODEL names another model file

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "common/base/check.h"
#include "common/cpu/cpu_backend.h"
#include "common/model/default_model_path.h"
#include "common/model/llama_model.h"

namespace chimera {
namespace {

constexpr int32_t kContext = 256;
constexpr int32_t kPrefill = 512;
constexpr int kRuns = 15;

double Seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

// Tokens that are all different, so that siblings in a tree are.
std::vector<int32_t> Tokens(int count) {
  std::vector<int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), 1000);
  return tokens;
}

TokenTree BinaryTree(int size, int32_t vocab_size) {
  std::vector<int32_t> parents(size, -1);
  for (int node = 1; node < size; ++node) parents[node] = (node - 1) / 2;
  absl::StatusOr<TokenTree> tree = TokenTree::Create(Tokens(size), parents, vocab_size);
  CHIMERA_CHECK(tree.ok()) << tree.status();
  return *std::move(tree);
}

// Runs `step` alone and returns its time in seconds.
double TimeStep(Backend* backend, const SequenceStep& step) {
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = backend->Submit({.sequences = std::span(&step, 1)});
  CHIMERA_CHECK(status.ok()) << status;
  CHIMERA_CHECK(backend->Wait().ok());
  return Seconds(std::chrono::steady_clock::now() - start);
}

double BestTime(Backend* backend, const SequenceStep& step, int runs) {
  double best = 1e9;
  for (int run = 0; run < runs; ++run) best = std::min(best, TimeStep(backend, step));
  return best;
}

int Run(int thread_count) {
  auto start = std::chrono::steady_clock::now();
  const auto model = LlamaModel::Open(DefaultModelPath());
  CHIMERA_CHECK(model.ok()) << model.status();
  const double open_seconds = Seconds(std::chrono::steady_clock::now() - start);
  const absl::StatusOr<CpuIsa> isa = ChooseCpuIsaFromEnvironment();
  CHIMERA_CHECK(isa.ok()) << isa.status();

  start = std::chrono::steady_clock::now();
  const auto backend =
      CpuBackend::Create((*model)->config(), (*model)->weights(),
                         {.thread_count = thread_count,
                          .limits = {.page_count = 64, .slot_count = 1, .max_step_rows = kPrefill},
                          .isa = *isa});
  CHIMERA_CHECK(backend.ok()) << backend.status();
  std::printf("%s, %s, %d threads, %s\n", (*model)->name().c_str(),
              (*backend)->numerics_id().c_str(), thread_count,
              std::string(CpuIsaName(*isa)).c_str());
  std::printf("open the file     %8.1f ms\n", 1e3 * open_seconds);
  std::printf("repack the weights%8.1f ms\n",
              1e3 * Seconds(std::chrono::steady_clock::now() - start));

  std::vector<int32_t> pages(64);
  std::iota(pages.begin(), pages.end(), 0);
  const std::vector<int32_t> prompt = Tokens(kPrefill);
  const double prefill = BestTime(backend->get(), {.pages = pages, .chunk = prompt}, 3);
  std::printf("prefill of %d    %8.1f ms  %6.0f tokens/s\n", kPrefill, 1e3 * prefill,
              kPrefill / prefill);

  double one_row = 0;
  for (const int rows : {1, 2, 3, 4, 6, 8, 16, 32, 64}) {
    const TokenTree tree = BinaryTree(rows, (*model)->config().vocab_size);
    const SequenceStep step = {.pages = pages, .context_length = kContext, .tree = &tree};
    const double seconds = BestTime(backend->get(), step, kRuns);
    if (rows == 1) one_row = seconds;
    std::printf("step of %2d rows   %8.2f ms  %6.2f x one row\n", rows, 1e3 * seconds,
                seconds / one_row);
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  return chimera::Run(threads);
}
