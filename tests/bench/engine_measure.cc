// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_measure.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "tests/bench/contenders.h"
#include "tests/bench/contrast_part.h"
#include "tests/bench/engine_request.h"
#include "tests/bench/heap_watch.h"
#include "tests/bench/neighbour.h"

namespace lossd::bench {
namespace {

// Work below which the loss is also measured without the back end, in operations.
constexpr double kSmallFlops = 1e8;
constexpr int kLeastRounds = 5;
constexpr int kHeapRuns = 4;
// Work above which a request is run but once to look at the heap, in operations.
constexpr double kLargeFlops = 1e12;
// Relative difference between contenders' losses, and lengths of their gradients, that rounding explains.
constexpr double kTolerance = 1e-4;

// What kHeapRuns runs take from the heap once it is warm.
HeapUse HeapUseOf(const std::function<void()>& run) {
  for (int i = 0; i < 3; ++i) run();
  StartHeapWatch();
  for (int i = 0; i < kHeapRuns; ++i) run();
  return ReadHeapWatch();
}

// Bytes of the buffers that hold a result; small tensors share one.
int64_t ResultBytes(const ComputeResult& result) {
  std::map<const std::byte*, int64_t> buffers;
  for (const absl::Span<const Tensor> tensors : {absl::MakeSpan(result.outputs), absl::MakeSpan(result.gradients)}) {
    for (const Tensor& tensor : tensors) {
      buffers[tensor.buffer().data()] = static_cast<int64_t>(tensor.buffer().capacity());
    }
  }
  int64_t bytes = 0;
  for (const auto& [data, capacity] : buffers) bytes += capacity;
  return bytes;
}

// Peak memory of a cold request, whose result it returns, and allocations of a warm one.
ComputeResult MeasureHeap(const EngineCase& bench_case, EngineRow& row) {
  EngineRequest request(bench_case, row.threads);
  StartHeapWatch();
  ComputeResult result = request.Compute();
  row.extra_bytes = ReadHeapWatch().peak_bytes - ResultBytes(result);
  if (row.bound_flops > kLargeFlops) return result;
  const HeapUse warm = HeapUseOf([&] { request.Compute(); });
  row.allocations = static_cast<double>(warm.allocations) / kHeapRuns;
  row.allocated_bytes = static_cast<double>(warm.bytes) / kHeapRuns;
  BareLoss bare(request);
  row.loss_allocations = static_cast<double>(HeapUseOf([&] { bare.Compute(); }).allocations) / kHeapRuns;
  return result;
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

// What contenders must find.
struct Expected {
  std::string name;
  double loss;
  double gradient_norm;
};

Expected ExpectedOf(const EngineCase& bench_case, const ComputeResult& result) {
  return {bench_case.name, result.objective, result.gradient_norm};
}

std::function<void(const Timing&)> Into(Timing& to) {
  return [&to](const Timing& timing) { to = timing; };
}

std::function<void(const Timing&)> Into(std::optional<Timing>& to) {
  return [&to](const Timing& timing) { to = timing; };
}

// The contenders of a case on so many threads.
class Match {
 public:
  // `torch_case` and the inputs are what workers of PyTorch get.
  Match(Expected expected, std::string torch_case, absl::Span<const Tensor> inputs, int threads, double seconds)
      : expected_(std::move(expected)),
        torch_case_(std::move(torch_case)),
        file_(inputs),
        threads_(threads),
        seconds_(seconds) {}

  void Add(std::string name, std::function<double(int)> run, std::function<void(const Timing&)> take) {
    contenders_.push_back({std::move(name), std::move(run)});
    takers_.push_back(std::move(take));
  }

  // Has a worker make ready; empty if it cannot, `variant` says which way it took, or why not. Throws if its results
  // differ.
  std::function<double(int)> Torch(TorchWorker* worker, const char* kind, std::string& variant) {
    if (worker == nullptr || torch_case_.empty()) {
      variant = worker == nullptr ? "not asked for" : "too large";
      return nullptr;
    }
    const TorchAnswer answer = worker->Prepare(kind, torch_case_, file_.path(), threads_);
    variant = answer.variant;
    if (!answer.present) return nullptr;
    CheckEqual(kind, "loss", answer.loss, expected_.loss);
    CheckEqual(kind, "gradient norm", answer.gradient_norm, expected_.gradient_norm);
    return [worker, kind = std::string(kind)](int repetitions) { return worker->Run(kind, repetitions); };
  }

  void AddTorch(TorchWorker* worker, const char* kind, TorchTiming& torch) {
    if (auto run = Torch(worker, kind, torch.variant)) {
      Add(kind, std::move(run), [&torch](const Timing& timing) { torch.timing = timing; });
    }
  }

  // The products alone, by all that can.
  void AddBounds(const EngineLab& lab, const std::vector<BoundProduct>& products, bool own, EngineRow& row) {
    Add("bound", Repeated(BoundByOpenBlas(*lab.blas, threads_, products)), Into(row.bound));
    if (own) Add("own bound", Repeated(BoundByLossd(threads_, products)), Into(row.own_bound));
    if (lab.torch == nullptr) {
      row.torch_bound.variant = "not asked for";
      return;
    }
    const TorchAnswer answer = lab.torch->PrepareBound(products, threads_);
    row.torch_bound.variant = answer.variant;
    if (!answer.present) return;
    Add(
        "torch bound", [worker = lab.torch](int repetitions) { return worker->Run(TorchWorker::kBound, repetitions); },
        [&row](const Timing& timing) { row.torch_bound.timing = timing; });
  }

  // All three ways of PyTorch.
  void AddTorch(const EngineLab& lab, EngineRow& row) {
    AddTorch(lab.torch, "reference", row.reference);
    AddTorch(lab.torch, "by hand", row.by_hand);
    AddTorch(lab.torch, "compiled", row.compiled);
  }

  void Run() {
    const std::vector<Timing> timings = TimeInTurns(contenders_, {.seconds = seconds_, .least_rounds = kLeastRounds});
    for (size_t i = 0; i < timings.size(); ++i) takers_[i](timings[i]);
  }

 private:
  void CheckEqual(const char* contender, const char* what, double found, double expected) const {
    if (std::abs(found - expected) <= kTolerance * std::abs(expected)) return;
    throw std::runtime_error(
        absl::StrFormat("%s: %s finds a %s of %.9g, lossd %.9g", expected_.name, contender, what, found, expected));
  }

  const Expected expected_;
  const std::string torch_case_;
  const InputsFile file_;
  const int threads_;
  const double seconds_;
  std::vector<Contender> contenders_;
  std::vector<std::function<void(const Timing&)>> takers_;
};

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
  const ComputeResult result = MeasureHeap(bench_case, row);
  EngineRequest request(bench_case, threads);
  Match match(ExpectedOf(bench_case, result), bench_case.torch, request.torch_inputs(), threads, lab.seconds);
  match.Add("lossd", Repeated([&] { request.Compute(); }), Into(row.lossd));
  match.AddBounds(lab, bench_case.products, !bench_case.is_large, row);
  std::optional<EngineRequest> bf16;
  if (lab.bf16 && !bench_case.is_large) {
    bf16.emplace(bench_case, threads, GemmPrecision::kBf16);
    row.bf16_error = GradientError(bf16->Compute(), result);
    match.Add("bf16", Repeated([&] { bf16->Compute(); }), Into(row.bf16));
  }
  BareLoss bare(request);
  if (threads == 1 && row.bound_flops < kSmallFlops) {
    match.Add("loss", Repeated([&] { bare.Compute(); }), Into(row.loss));
  }
  match.AddTorch(lab, row);
  match.Run();
  return row;
}

EngineRow MeasureContrastPart(const CpcContrastShape& shape, const EngineLab& lab) {
  ContrastPart part(shape);
  const std::vector<BoundProduct> products = part.Products();
  EngineRow row;
  row.loss_title = "CPC's contrast";
  row.name = absl::StrFormat("contrast of cpc (%d, .., %d, %d)", shape.batch, shape.height, shape.width);
  row.goals.reference = 10;
  row.bound_flops = BoundFlops(products);
  row.bound_text = "scores and their two gradients";
  row.extra_bytes = part.workspace_bytes();
  row.loss_allocations = static_cast<double>(HeapUseOf([&] { part.Compute(); }).allocations) / kHeapRuns;
  Match match({row.name, part.loss(), part.gradient_norm()}, part.TorchCase(), part.maps(), 1, lab.seconds);
  match.Add("lossd", Repeated([&] { part.Compute(); }), Into(row.lossd));
  match.AddBounds(lab, products, true, row);
  match.AddTorch(lab, row);
  match.Run();
  return row;
}

NeighbourRow MeasureBesideNeighbour(const EngineCase& bench_case, const EngineLab& lab) {
  NeighbourRow row;
  row.name = bench_case.name;
  EngineRequest request(bench_case, row.threads);
  const auto lossd = Repeated([&] { request.Compute(); });
  Match match(ExpectedOf(bench_case, request.Compute()), bench_case.torch, request.torch_inputs(), row.threads,
              lab.seconds);
  match.Add("lossd", lossd, Into(row.lossd));
  match.Add("lossd beside", BesideNeighbour(lossd), Into(row.lossd_beside));
  std::string variant;
  if (const auto run = match.Torch(lab.torch, "reference", variant)) {
    match.Add("torch", run, Into(row.torch));
    match.Add("torch beside", BesideNeighbour(run), Into(row.torch_beside));
  }
  match.Run();
  return row;
}

}  // namespace lossd::bench
