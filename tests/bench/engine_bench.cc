// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Measures the engine: whole requests through the back end, without a network, against the matrix products that they
// cannot avoid, and against eager PyTorch.

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/losses/registry.h"
#include "core/tile_backend.h"
#include "tests/bench/contenders.h"
#include "tests/bench/eager_torch.h"
#include "tests/bench/engine_cases.h"
#include "tests/bench/engine_report.h"
#include "tests/bench/gemm_bound.h"
#include "tests/bench/heap_watch.h"

ABSL_FLAG(std::string, filter, "", "Only cases whose name contains this.");
ABSL_FLAG(std::vector<std::string>, threads, std::vector<std::string>({"1", "2"}), "Numbers of threads to measure.");
ABSL_FLAG(double, seconds, 4, "About how long a case runs on each number of threads.");
ABSL_FLAG(bool, large, false, "Also the cases that take minutes.");
ABSL_FLAG(bool, processor_time, false,
          "Count processor time instead of elapsed time, on one thread: for machines on which others compute.");
ABSL_FLAG(std::string, eager, "tests/bench/eager_torch.py", "The script that runs eager PyTorch; empty: without.");
ABSL_FLAG(std::string, json, "", "Write the results here.");
ABSL_FLAG(std::string, html, "", "Write a page with a plot here.");

namespace lossd::bench {
namespace {

// Work below which the loss is also measured without the back end, in operations.
constexpr double kSmallFlops = 1e8;
constexpr int kLeastRounds = 5;

void Fill(const Tensor& tensor) {
  uint32_t state = 1;
  for (float& element : tensor.elements<float>()) {
    state = state * 1664525 + 1013904223;
    element = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
}

// A case in a back end of its own, its inputs in place.
class Request {
 public:
  Request(const EngineCase& bench_case, int threads) {
    TileBackendOptions options;
    options.scheduler.threads = threads;
    options.max_request_flops = 1e18;
    backend_ = *CreateTileBackend(options);
    plan_ = *backend_->Prepare(bench_case.request);
    for (const TensorSpec& spec : plan_->inputs) {
      inputs_.emplace_back(spec, backend_->pool().Allocate(static_cast<size_t>(ByteSize(spec))));
      Fill(inputs_.back());
    }
  }

  // Submits the request and waits for its answer.
  absl::StatusOr<ComputeResult> Compute() {
    absl::Notification answered;
    absl::StatusOr<ComputeResult> answer;
    ComputeTask task;
    task.plan = plan_;
    task.inputs = inputs_;
    task.inputs_finite.assign(inputs_.size(), true);
    task.done = [&](absl::StatusOr<ComputeResult> result) {
      answer = std::move(result);
      answered.Notify();
    };
    backend_->Submit(std::move(task));
    answered.WaitForNotification();
    return answer;
  }

  void ComputeOrThrow() {
    const auto result = Compute();
    if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  }

  const Plan& plan() const { return *plan_; }
  absl::Span<const Tensor> inputs() const { return inputs_; }
  BufferPool& pool() { return backend_->pool(); }

 private:
  std::unique_ptr<LossBackend> backend_;
  std::shared_ptr<const Plan> plan_;
  std::vector<Tensor> inputs_;
};

// The loss alone, on one thread, into memory that is there already.
class BareLoss {
 public:
  explicit BareLoss(Request& request) : request_(request) {
    const Plan& plan = request.plan();
    for (const TensorSpec& spec : plan.detail->outputs) outputs_.push_back(Allocate(spec));
    for (const TensorSpec& spec : plan.inputs) gradients_.push_back(Allocate(spec));
    for (const TensorSpec& spec : plan.detail->derived_inputs) gradients_.push_back(Allocate(spec));
  }

  void Compute() {
    LossTask task;
    task.request = &request_.plan().request;
    task.plan = request_.plan().detail.get();
    task.inputs = request_.inputs();
    task.outputs = absl::MakeSpan(outputs_);
    task.gradients = absl::MakeSpan(gradients_);
    LossTask* const batch = &task;
    request_.plan().loss->Run(absl::MakeSpan(&batch, 1), RunContext{serial_, request_.pool()});
  }

 private:
  Tensor Allocate(const TensorSpec& spec) {
    return Tensor(spec, request_.pool().Allocate(static_cast<size_t>(ByteSize(spec))));
  }

  Request& request_;
  Serial serial_;
  std::vector<Tensor> outputs_;
  std::vector<Tensor> gradients_;
};

// A thread that spins while this lives.
class Neighbour {
 public:
  Neighbour()
      : thread_([this] {
          while (!stop_.load(std::memory_order_relaxed)) {
          }
        }) {}
  ~Neighbour() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Peak memory of a cold request and allocations of a warm one.
void MeasureHeap(const EngineCase& bench_case, EngineRow& row) {
  Request request(bench_case, row.threads);
  int64_t results = 0;
  StartHeapWatch();
  {
    const ComputeResult result = *request.Compute();
    for (const Tensor& tensor : result.outputs) results += static_cast<int64_t>(tensor.buffer().capacity());
    for (const Tensor& tensor : result.gradients) results += static_cast<int64_t>(tensor.buffer().capacity());
  }
  row.extra_bytes = ReadHeapWatch().peak_bytes - results;
  for (int i = 0; i < 3; ++i) request.ComputeOrThrow();
  constexpr int kRequests = 4;
  StartHeapWatch();
  for (int i = 0; i < kRequests; ++i) request.ComputeOrThrow();
  row.allocations = static_cast<double>(ReadHeapWatch().allocations) / kRequests;
}

EngineRow Measure(const EngineCase& bench_case, int threads, const OpenBlas& blas, EagerTorch* eager) {
  EngineRow row;
  row.name = bench_case.name;
  row.threads = threads;
  row.goal = bench_case.goal;
  row.goal_us = threads == 1 ? bench_case.goal_us : 0;
  row.bound_flops = BoundFlops(bench_case.products);
  MeasureHeap(bench_case, row);
  Request request(bench_case, threads);
  BareLoss bare(request);
  std::vector<Contender> contenders = {{"lossd", Repeated([&] { request.ComputeOrThrow(); })},
                                       {"bound", Repeated(BoundByOpenBlas(blas, threads, bench_case.products))},
                                       {"own bound", Repeated(BoundByLossd(threads, bench_case.products))}};
  std::vector<std::optional<Timing>*> further;
  if (!absl::GetFlag(FLAGS_processor_time)) {
    contenders.push_back({"crowded", [crowd = contenders[0].run](int repetitions) {
                            const Neighbour neighbour;
                            return crowd(repetitions);
                          }});
    further.push_back(&row.crowded);
  }
  if (threads == 1 && row.bound_flops < kSmallFlops) {
    contenders.push_back({"loss", Repeated([&] { bare.Compute(); })});
    further.push_back(&row.loss);
  }
  if (eager != nullptr && !bench_case.eager.empty() && eager->Prepare(bench_case.eager, threads)) {
    contenders.push_back({"eager", [eager](int repetitions) { return eager->Run(repetitions); }});
    further.push_back(&row.eager);
  }
  const std::vector<Timing> timings = TimeInTurns(contenders, absl::GetFlag(FLAGS_seconds), kLeastRounds);
  row.lossd = timings[0];
  row.bound = timings[1];
  row.own_bound = timings[2];
  for (size_t i = 0; i < further.size(); ++i) *further[i] = timings[3 + i];
  return row;
}

void WriteFile(const std::string& path, const std::string& content) {
  if (!path.empty()) std::ofstream(path) << content;
}

int Run() {
  const OpenBlas blas;
  const bool processor_time = absl::GetFlag(FLAGS_processor_time);
  const BenchClock clock = processor_time ? BenchClock::kProcessor : BenchClock::kElapsed;
  SetBenchClock(clock);
  const std::string script = absl::GetFlag(FLAGS_eager);
  const auto eager = script.empty() ? nullptr : std::make_unique<EagerTorch>(script, clock);
  const std::string machine = absl::StrCat(std::thread::hardware_concurrency(), " processors, OpenBLAS kernels for ",
                                           blas.core_name(), processor_time ? ", processor time" : "");
  std::printf("%s\n%s\n", machine.c_str(), TableHeader().c_str());
  std::vector<EngineRow> rows;
  for (const EngineCase& bench_case : EngineCases()) {
    if (bench_case.is_large && !absl::GetFlag(FLAGS_large)) continue;
    if (!absl::StrContains(bench_case.name, absl::GetFlag(FLAGS_filter))) continue;
    for (const std::string& text : absl::GetFlag(FLAGS_threads)) {
      int threads = 1;
      if (!absl::SimpleAtoi(text, &threads) || (processor_time && threads > 1)) continue;
      rows.push_back(Measure(bench_case, threads, blas, eager.get()));
      std::printf("%s\n", TableLine(rows.back()).c_str());
      std::fflush(stdout);
    }
  }
  WriteFile(absl::GetFlag(FLAGS_json), Json(rows));
  WriteFile(absl::GetFlag(FLAGS_html), Html(rows, machine));
  return 0;
}

}  // namespace
}  // namespace lossd::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures the engine without a network; see --help=engine_bench.");
  absl::ParseCommandLine(argc, argv);
  return lossd::bench::Run();
}
