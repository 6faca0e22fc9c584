// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/loss_runs.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "core/tensor/convert.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

template <typename T>
void Fill(const std::vector<double>& values, const Tensor& tensor) {
  std::transform(values.begin(), values.end(), tensor.data<T>(), [](double value) { return static_cast<T>(value); });
}

template <typename T>
std::vector<double> Widened(const Tensor& tensor) {
  const absl::Span<T> elements = tensor.elements<T>();
  std::vector<double> values(elements.size());
  std::transform(elements.begin(), elements.end(), values.begin(), [](T x) { return static_cast<double>(x); });
  return values;
}

void AppendBytes(const std::vector<Tensor>& tensors, std::string& bytes) {
  for (const Tensor& tensor : tensors) {
    if (tensor.buffer()) bytes.append(reinterpret_cast<const char*>(tensor.bytes()), tensor.byte_size());
  }
}

// NaN patterns, so that a run that leaves an element unwritten is seen.
Tensor MakePoisoned(TensorSpec spec, BufferPool& pool) {
  const auto bytes = static_cast<size_t>(ByteSize(spec));
  Buffer buffer = pool.Allocate(bytes);
  std::memset(buffer.data(), 0xFF, bytes);
  return Tensor(std::move(spec), std::move(buffer));
}

bool Wanted(const GradientSelection& selection, const TensorSpec& spec, bool derived) {
  if (!IsFloating(spec.dtype) || selection.mode == GradientSelection::Mode::kNone) return false;
  if (selection.mode == GradientSelection::Mode::kAll) return !derived;
  return std::any_of(selection.names.begin(), selection.names.end(), [&](absl::string_view name) {
    return absl::ConsumeSuffix(&name, "*") ? absl::StartsWith(spec.name, name) : spec.name == name;
  });
}

// A case on its way through a run.
struct Prepared {
  ComputeSpec request;
  std::unique_ptr<LossPlan> plan;
  std::vector<Tensor> inputs;
  TestResult result;
  LossTask task;
};

void AddGradient(const TestCase& test_case, const TensorSpec& spec, bool derived, BufferPool& pool,
                 Prepared& prepared) {
  const size_t index = prepared.result.gradients.size();
  const std::vector<bool>& constants = prepared.plan->constants;
  const bool constant = index < constants.size() && constants[index];
  const bool wanted = !constant && Wanted(test_case.request.gradients, spec, derived);
  prepared.result.gradients.push_back(wanted ? MakePoisoned(spec, pool) : Tensor(spec, Buffer()));
}

absl::StatusOr<std::unique_ptr<Prepared>> PrepareCase(const Loss& loss, const TestCase& test_case, BufferPool& pool) {
  auto prepared = std::make_unique<Prepared>();
  prepared->request = test_case.request;
  for (const TestInput& input : test_case.inputs) {
    prepared->request.inputs.push_back({input.name, input.dtype, input.shape});
  }
  absl::StatusOr<std::unique_ptr<LossPlan>> plan = loss.Prepare(prepared->request);
  if (!plan.ok()) return plan.status();
  prepared->plan = *std::move(plan);
  for (const TestInput& input : test_case.inputs) {
    prepared->inputs.push_back(MakeTensor(input, pool));
    AddGradient(test_case, {input.name, StorageDType(input.dtype), input.shape}, false, pool, *prepared);
  }
  for (const TensorSpec& spec : prepared->plan->derived_inputs) AddGradient(test_case, spec, true, pool, *prepared);
  for (const TensorSpec& spec : prepared->plan->outputs) prepared->result.outputs.push_back(MakePoisoned(spec, pool));
  prepared->task.request = &prepared->request;
  prepared->task.plan = prepared->plan.get();
  prepared->task.inputs = prepared->inputs;
  prepared->task.outputs = absl::MakeSpan(prepared->result.outputs);
  prepared->task.gradients = absl::MakeSpan(prepared->result.gradients);
  return prepared;
}

}  // namespace

std::vector<double> TestResult::output(absl::string_view name) const {
  for (const Tensor& tensor : outputs) {
    if (tensor.spec().name == name) return Values(tensor);
  }
  ADD_FAILURE() << "no output " << name;
  return {};
}

std::vector<double> TestResult::gradient(size_t index) const { return Values(gradients.at(index)); }

std::string TestResult::Bytes() const {
  std::string bytes(reinterpret_cast<const char*>(&objective), sizeof(objective));
  AppendBytes(outputs, bytes);
  AppendBytes(gradients, bytes);
  return bytes;
}

double CentralDifference(const Loss& loss, TestCase test_case, size_t input, size_t element) {
  constexpr double kStep = 1e-5;
  test_case.request.gradients.mode = GradientSelection::Mode::kNone;
  double& value = test_case.inputs[input].values[element];
  const double middle = value;
  const auto objective_at = [&](double moved) {
    value = moved;
    return RunAlone(loss, test_case).value().objective;
  };
  return (objective_at(middle + kStep) - objective_at(middle - kStep)) / (2 * kStep);
}

Tensor MakeTensor(const TestInput& input, BufferPool& pool) {
  Tensor tensor = MakePoisoned({input.name, StorageDType(input.dtype), input.shape}, pool);
  EXPECT_EQ(static_cast<int64_t>(input.values.size()), tensor.element_count()) << input.name;
  switch (tensor.spec().dtype) {
    case DType::kFloat64:
      Fill<double>(input.values, tensor);
      break;
    case DType::kInt32:
      Fill<int32_t>(input.values, tensor);
      break;
    case DType::kInt64:
      Fill<int64_t>(input.values, tensor);
      break;
    case DType::kUint8:
      Fill<uint8_t>(input.values, tensor);
      break;
    default:
      Fill<float>(input.values, tensor);
  }
  return tensor;
}

std::vector<double> Values(const Tensor& tensor) {
  switch (tensor.spec().dtype) {
    case DType::kFloat64:
      return Widened<double>(tensor);
    case DType::kInt32:
      return Widened<int32_t>(tensor);
    case DType::kInt64:
      return Widened<int64_t>(tensor);
    case DType::kUint8:
      return Widened<uint8_t>(tensor);
    case DType::kFloat16:
    case DType::kBFloat16: {
      std::vector<float> wide(static_cast<size_t>(ElementCount(tensor.spec().shape)));
      Widen(tensor.spec().dtype, tensor.bytes(), wide.data(), static_cast<int64_t>(wide.size()));
      return {wide.begin(), wide.end()};
    }
    default:
      return Widened<float>(tensor);
  }
}

std::vector<absl::StatusOr<TestResult>> RunBatch(const Loss& loss, const std::vector<TestCase>& cases,
                                                 Parallel& parallel) {
  BufferPool pool(1 << 28);
  std::vector<absl::StatusOr<std::unique_ptr<Prepared>>> prepared;
  std::vector<LossTask*> batch;
  for (const TestCase& test_case : cases) {
    prepared.push_back(PrepareCase(loss, test_case, pool));
    if (prepared.back().ok()) batch.push_back(&(*prepared.back())->task);
  }
  if (!batch.empty()) loss.Run(batch, {.parallel = parallel, .pool = pool});
  std::vector<absl::StatusOr<TestResult>> results;
  for (auto& one : prepared) {
    if (!one.ok() || !(*one)->task.status.ok()) {
      results.emplace_back(one.ok() ? (*one)->task.status : one.status());
      continue;
    }
    (*one)->result.objective = (*one)->task.objective;
    results.emplace_back(std::move((*one)->result));
  }
  return results;
}

absl::StatusOr<TestResult> RunAlone(const Loss& loss, const TestCase& test_case) {
  Serial serial;
  return std::move(RunBatch(loss, {test_case}, serial)[0]);
}

void ShuffledParallel::For(int64_t count, absl::FunctionRef<void(int64_t)> body) {
  static thread_local bool nested = false;
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed_));
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < order.size(); i = next++) body(order[i]);
  };
  if (nested) return work();
  std::vector<std::thread> threads;
  for (int t = 0; t < threads_; ++t) {
    threads.emplace_back([&] {
      nested = true;
      work();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace lossd::testing
