// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// 0.5 * sum of squares over all inputs; the gradient of an input is the input itself. Sums are taken in float64 over
// chunks of a fixed size and added in the order of the chunks.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "core/losses/input_names.h"
#include "core/losses/loss.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr int64_t kChunkElements = kSweepChunk;

template <typename T>
double SumOfSquares(const T* x, int64_t count) {
  constexpr int64_t kLanes = 16;
  std::array<double, kLanes> sums{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const double value = static_cast<double>(x[i + lane]);
      sums[static_cast<size_t>(lane)] += value * value;
    }
  }
  for (; i < count; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

template <typename T>
void Scale(const T* x, int64_t count, double scale, T* scaled) {
  for (int64_t i = 0; i < count; ++i) scaled[i] = static_cast<T>(static_cast<double>(x[i]) * scale);
}

// A stretch of an input that one iteration handles.
struct Chunk {
  size_t input;
  int64_t first;
  int64_t count;
};

// What of an input is known without looking at it.
std::optional<double> KnownSquares(const LossTask& task, size_t input) {
  return task.inputs_swept.empty() ? std::nullopt : task.inputs_swept[input].sum_of_squares;
}

// Whether the gradient is to be written: it is wanted, and not the input itself.
bool WritesGradient(const LossTask& task, size_t input) {
  const Tensor& gradient = task.gradients[input];
  return gradient.buffer() && gradient.bytes() != task.inputs[input].bytes();
}

std::vector<Chunk> CutIntoChunks(const LossTask& task) {
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < task.inputs.size(); ++i) {
    if (KnownSquares(task, i).has_value() && !WritesGradient(task, i)) continue;
    const int64_t count = task.inputs[i].element_count();
    for (int64_t first = 0; first < count; first += kChunkElements) {
      chunks.push_back({i, first, std::min(kChunkElements, count - first)});
    }
  }
  return chunks;
}

SweepStats ScanChunk(const LossTask& task, const Chunk& chunk) {
  const Tensor& input = task.inputs[chunk.input];
  switch (input.spec().dtype) {
    case DType::kInt32:
      return {true, SumOfSquares(input.data<int32_t>() + chunk.first, chunk.count)};
    case DType::kInt64:
      return {true, SumOfSquares(input.data<int64_t>() + chunk.first, chunk.count)};
    case DType::kUint8:
      return {true, SumOfSquares(input.data<uint8_t>() + chunk.first, chunk.count)};
    case DType::kFloat64:
      return Scan(DType::kFloat64, input.data<double>() + chunk.first, chunk.count);
    default:
      return Scan(DType::kFloat32, input.data<float>() + chunk.first, chunk.count);
  }
}

void WriteGradient(const LossTask& task, const Chunk& chunk) {
  const Tensor& input = task.inputs[chunk.input];
  const Tensor& gradient = task.gradients[chunk.input];
  const double scale = task.request->gradients.scale;
  if (input.spec().dtype == DType::kFloat64) {
    Scale(input.data<double>() + chunk.first, chunk.count, scale, gradient.data<double>() + chunk.first);
  } else {
    Scale(input.data<float>() + chunk.first, chunk.count, scale, gradient.data<float>() + chunk.first);
  }
}

void RunTask(LossTask& task, Parallel& parallel) {
  const std::vector<Chunk> chunks = CutIntoChunks(task);
  std::vector<SweepStats> stats(chunks.size());
  parallel.For(static_cast<int64_t>(chunks.size()), [&](int64_t i) {
    if (task.IsCancelled()) return;
    const Chunk& chunk = chunks[static_cast<size_t>(i)];
    if (!KnownSquares(task, chunk.input).has_value()) stats[static_cast<size_t>(i)] = ScanChunk(task, chunk);
    if (WritesGradient(task, chunk.input)) WriteGradient(task, chunk);
  });
  if (task.IsCancelled()) {
    task.status = absl::CancelledError("cancelled during the computation");
    return;
  }
  absl::InlinedVector<SweepStats, 4> inputs(task.inputs.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    inputs[chunks[i].input].finite &= stats[i].finite;
    inputs[chunks[i].input].sum_of_squares += stats[i].sum_of_squares;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (const auto known = KnownSquares(task, i)) inputs[i] = {task.inputs_swept[i].finite, *known};
    task.objective += 0.5 * inputs[i].sum_of_squares;
  }
  if (task.plan->gradients_are_inputs) std::copy_n(inputs.begin(), task.swept.size(), task.swept.begin());
  const Tensor& loss = task.outputs[0];
  if (loss.spec().dtype == DType::kFloat64) {
    *loss.data<double>() = task.objective;
  } else {
    *loss.data<float>() = static_cast<float>(task.objective);
  }
}

class SquaredNorm final : public Loss {
 public:
  LossDescription Describe() const override {
    return {.name = "squared_norm",
            .summary = "half the sum of squares of all inputs; its gradient is the input itself",
            .inputs = {{.name = "x.*", .shape = {}}},
            .outputs = {"loss"},
            .dtypes = {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt32,
                       DType::kInt64, DType::kUint8}};
  }

  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const override {
    LOSSD_RETURN_IF_ERROR(FindNumberedInputs(request.inputs, {"x"}).status());
    LOSSD_ASSIGN_OR_RETURN(const DType dtype, FindComputeDType(request.inputs));
    auto plan = std::make_unique<LossPlan>();
    plan->outputs.push_back({"loss", dtype, {}});
    plan->batch_key = "squared_norm";
    plan->gradients_are_inputs = request.gradients.scale == 1;
    plan->uses_squares_of_inputs = true;
    for (const TensorSpec& input : request.inputs) {
      const double elements = static_cast<double>(ElementCount(input.shape));
      plan->flops += 3 * elements;
      plan->workspace_bytes += 32 * (1 + ElementCount(input.shape) / kChunkElements);
      absl::StrAppend(&plan->batch_key, " ", input.name, ":", DTypeName(input.dtype), ShapeText(input.shape));
    }
    return plan;
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    context.parallel.For(static_cast<int64_t>(batch.size()),
                         [&](int64_t i) { RunTask(*batch[static_cast<size_t>(i)], context.parallel); });
  }
};

}  // namespace

std::unique_ptr<Loss> MakeSquaredNorm() { return std::make_unique<SquaredNorm>(); }

}  // namespace lossd
