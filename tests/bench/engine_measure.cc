// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_measure.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/contenders.h"
#include "tests/bench/engine_request.h"
#include "tests/bench/heap_watch.h"
#include "tests/bench/neighbour.h"

namespace lossd::bench {
namespace {

// Work below which the loss is also measured without the back end, in operations.
constexpr double kSmallFlops = 1e8;
constexpr int kLeastRounds = 5;
constexpr int kHeapRuns = 4;
// Relative difference between contenders' losses, and lengths of their gradients, that rounding explains.
constexpr double kTolerance = 1e-4;

// What kHeapRuns runs take from the heap once it is warm.
HeapUse HeapUseOf(const std::function<void()>& run) {
  for (int i = 0; i < 3; ++i) run();
  StartHeapWatch();
  for (int i = 0; i < kHeapRuns; ++i) run();
  return ReadHeapWatch();
}

// Peak memory of a cold request and allocations of a warm one.
void MeasureHeap(const EngineCase& bench_case, EngineRow& row) {
  EngineRequest request(bench_case, row.threads);
  int64_t results = 0;
  StartHeapWatch();
  {
    const ComputeResult result = request.Compute();
    for (const Tensor& tensor : result.outputs) results += static_cast<int64_t>(tensor.buffer().capacity());
    for (const Tensor& tensor : result.gradients) results += static_cast<int64_t>(tensor.buffer().capacity());
  }
  row.extra_bytes = ReadHeapWatch().peak_bytes - results;
  const HeapUse warm = HeapUseOf([&] { request.Compute(); });
  row.allocations = static_cast<double>(warm.allocations) / kHeapRuns;
  row.allocated_bytes = static_cast<double>(warm.bytes) / kHeapRuns;
  BareLoss bare(request);
  row.loss_allocations = static_cast<double>(HeapUseOf([&] { bare.Compute(); }).allocations) / kHeapRuns;
}

// Length of the difference of all gradients over their length.
double GradientError(const ComputeResult& result, const ComputeResult& exact) {
  double squares = 0, differences = 0;
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    const absl::Span<float> a = result.gradients[i].elements<float>();
    const absl::Span<float> b = exact.gradients[i].elements<float>();
    for (size_t j = 0; j < b.size(); ++j) {
      squares += static_cast<double>(b[j]) * b[j];
      differences += (static_cast<double>(a[j]) - b[j]) * (static_cast<double>(a[j]) - b[j]);
    }
  }
  return std::sqrt(differences / squares);
}

void CheckEqual(const EngineCase& bench_case, const char* contender, const char* what, double found, double expected) {
  if (std::abs(found - expected) <= kTolerance * std::abs(expected)) return;
  throw std::runtime_error(
      absl::StrFormat("%s: %s finds a %s of %.9g, lossd %.9g", bench_case.name, contender, what, found, expected));
}

// A case on so many threads, and the contenders that are timed.
class Match {
 public:
  Match(const EngineCase& bench_case, int threads, const EngineLab& lab)
      : case_(bench_case), threads_(threads), lab_(lab), request_(bench_case, threads), file_(request_.inputs()) {}

  EngineRequest& request() { return request_; }
  std::function<double(int)> Lossd() {
    return Repeated([this] { request_.Compute(); });
  }

  void Add(std::string name, std::function<double(int)> run, std::function<void(const Timing&)> take) {
    contenders_.push_back({std::move(name), std::move(run)});
    takers_.push_back(std::move(take));
  }

  // Has a worker make ready; empty if it cannot, `variant` says which way it took, or why not. Throws if its results
  // differ.
  std::function<double(int)> Torch(TorchWorker* worker, const char* kind, std::string& variant) {
    if (worker == nullptr || case_.torch.empty()) {
      variant = worker == nullptr ? "not asked for" : "too large";
      return nullptr;
    }
    const TorchAnswer answer = worker->Prepare(kind, case_.torch, file_.path(), threads_);
    variant = answer.variant;
    if (!answer.present) return nullptr;
    const ComputeResult result = request_.Compute();
    CheckEqual(case_, kind, "loss", answer.loss, result.objective);
    CheckEqual(case_, kind, "gradient norm", answer.gradient_norm, result.gradient_norm);
    return [worker, kind = std::string(kind)](int repetitions) { return worker->Run(kind, repetitions); };
  }

  void AddTorch(TorchWorker* worker, const char* kind, TorchTiming& torch) {
    if (auto run = Torch(worker, kind, torch.variant)) {
      Add(kind, std::move(run), [&torch](const Timing& timing) { torch.timing = timing; });
    }
  }

  void Run() {
    const std::vector<Timing> timings =
        TimeInTurns(contenders_, {.seconds = lab_.seconds, .least_rounds = kLeastRounds});
    for (size_t i = 0; i < timings.size(); ++i) takers_[i](timings[i]);
  }

 private:
  const EngineCase& case_;
  int threads_;
  const EngineLab& lab_;
  EngineRequest request_;
  InputsFile file_;
  std::vector<Contender> contenders_;
  std::vector<std::function<void(const Timing&)>> takers_;
};

std::function<void(const Timing&)> Into(Timing& to) {
  return [&to](const Timing& timing) { to = timing; };
}

std::function<void(const Timing&)> Into(std::optional<Timing>& to) {
  return [&to](const Timing& timing) { to = timing; };
}

std::function<double(int)> BesideNeighbour(std::function<double(int)> run) {
  return [run = std::move(run)](int repetitions) {
    const Neighbour neighbour;
    return run(repetitions);
  };
}

}  // namespace

EngineRow MeasureCase(const EngineCase& bench_case, int threads, const EngineLab& lab) {
  EngineRow row;
  row.loss_title = bench_case.loss;
  row.name = bench_case.name;
  row.threads = threads;
  row.goals = bench_case.goals;
  row.bound_flops = BoundFlops(bench_case.products);
  row.bound_text = bench_case.bound;
  MeasureHeap(bench_case, row);
  Match match(bench_case, threads, lab);
  match.Add("lossd", match.Lossd(), Into(row.lossd));
  match.Add("bound", Repeated(BoundByOpenBlas(*lab.blas, threads, bench_case.products)), Into(row.bound));
  std::optional<EngineRequest> bf16;
  if (lab.bf16) {
    bf16.emplace(bench_case, threads, GemmPrecision::kBf16);
    row.bf16_error = GradientError(bf16->Compute(), match.request().Compute());
    match.Add("bf16", Repeated([&] { bf16->Compute(); }), Into(row.bf16));
  }
  match.Add("own bound", Repeated(BoundByLossd(threads, bench_case.products)), Into(row.own_bound));
  BareLoss bare(match.request());
  if (threads == 1 && row.bound_flops < kSmallFlops) {
    match.Add("loss", Repeated([&] { bare.Compute(); }), Into(row.loss));
  }
  match.AddTorch(lab.torch, "reference", row.reference);
  match.AddTorch(lab.torch, "by hand", row.by_hand);
  match.AddTorch(lab.compiler, "compiled", row.compiled);
  match.Run();
  return row;
}

NeighbourRow MeasureBesideNeighbour(const EngineCase& bench_case, const EngineLab& lab) {
  NeighbourRow row;
  row.name = bench_case.name;
  Match match(bench_case, row.threads, lab);
  match.Add("lossd", match.Lossd(), Into(row.lossd));
  match.Add("lossd beside", BesideNeighbour(match.Lossd()), Into(row.lossd_beside));
  std::string variant;
  if (const auto run = match.Torch(lab.torch, "reference", variant)) {
    match.Add("torch", run, Into(row.torch));
    match.Add("torch beside", BesideNeighbour(run), Into(row.torch_beside));
  }
  match.Run();
  return row;
}

}  // namespace lossd::bench
