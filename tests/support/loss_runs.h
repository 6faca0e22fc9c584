// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs a loss on values held in vectors, as the backend would: plans, allocates, computes, reads the results back.

#ifndef LOSSD_TESTS_SUPPORT_LOSS_RUNS_H_
#define LOSSD_TESTS_SUPPORT_LOSS_RUNS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/engine/parallel.h"
#include "core/losses/loss.h"

namespace lossd::testing {

// An input with its values. Values are rounded to the storage dtype when a task is made of them.
struct TestInput {
  std::string name;
  Shape shape;
  std::vector<double> values;
  DType dtype = DType::kFloat32;
};

// What a run gave. Values are widened to double, which keeps every bit of the floating types.
struct TestResult {
  double objective = 0;
  std::vector<Tensor> outputs;
  std::vector<Tensor> gradients;  // One for each input, then derived input; without buffer where none was wanted.

  // Values of an output by name; fails the test and returns nothing if there is none.
  std::vector<double> output(absl::string_view name) const;
  // Values of the gradient of input `index`; derived inputs count on behind the inputs.
  std::vector<double> gradient(size_t index) const;
  // Objective, outputs and gradients as one string of bytes.
  std::string Bytes() const;
};

// A request: `inputs` holds specs and values; request.inputs is filled from it.
struct TestCase {
  ComputeSpec request;
  std::vector<TestInput> inputs;
};

// Plans and runs `cases` as one batch. The status of a case is that of Prepare or of its task. Gradients are allocated
// for floating inputs unless the mode is kNone, or kNamed without a name that matches; for derived inputs with such a
// name only.
std::vector<absl::StatusOr<TestResult>> RunBatch(const Loss& loss, const std::vector<TestCase>& cases,
                                                 Parallel& parallel);

// Plans and runs one request on the calling thread.
absl::StatusOr<TestResult> RunAlone(const Loss& loss, const TestCase& test_case);

// The slope of the objective over one value of one input, by central differences of step 1e-5, for FLOAT64 inputs.
double CentralDifference(const Loss& loss, TestCase test_case, size_t input, size_t element);

// Makes a tensor of `input`'s values in its storage dtype.
Tensor MakeTensor(const TestInput& input, BufferPool& pool);

// Elements of any dtype as doubles.
std::vector<double> Values(const Tensor& tensor);

// Runs iterations on several threads, starting them in an order drawn from `seed`. Nested loops run on their caller, in
// shuffled order.
class ShuffledParallel final : public Parallel {
 public:
  ShuffledParallel(int threads, uint64_t seed) : threads_(threads), seed_(seed) {}
  void For(int64_t count, absl::FunctionRef<void(int64_t)> body) override;
  int64_t Width() const override { return threads_; }

 private:
  const int threads_;
  const uint64_t seed_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_LOSS_RUNS_H_
