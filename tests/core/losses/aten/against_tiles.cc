// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/aten/against_tiles.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/batch_runner.h"
#include "core/losses/aten/aten_losses.h"
#include "core/planner.h"
#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

constexpr int64_t kParameterCacheBytes = int64_t{64} << 20;

const LossRegistry& TileLosses() {
  static const LossRegistry* losses = new LossRegistry(MakeTileLosses(kParameterCacheBytes));
  return *losses;
}

// What may lie between two float32 (float64) results, relative to the largest value; more after a rounding to 16 bits.
double Allowed(DType dtype, bool wide) {
  switch (dtype) {
    case DType::kFloat16:
      return 1e-3;
    case DType::kBFloat16:
      return 8e-3;
    default:
      return wide ? 1e-11 : 2e-5;
  }
}

// Largest difference as a share of what is allowed. What is not finite has to be the same in both.
double Share(const Tensor& got, const Tensor& expected, bool wide, double scale) {
  EXPECT_EQ(got.spec(), expected.spec());
  const std::vector<double> a = Values(got);
  const std::vector<double> b = Values(expected);
  double largest = scale;
  double error = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      EXPECT_TRUE(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))
          << got.spec().name << "[" << i << "]: expected " << b[i] << ", got " << a[i];
      continue;
    }
    error = std::max(error, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return error == 0 ? 0 : error / (Allowed(got.spec().dtype, wide) * largest);
}

bool IsWide(const RandomRequest& request) { return request.spec.inputs[0].dtype == DType::kFloat64; }

void AppendBytes(const std::vector<Tensor>& tensors, std::string& bytes) {
  for (const Tensor& tensor : tensors) {
    bytes.append(reinterpret_cast<const char*>(tensor.bytes()), static_cast<size_t>(tensor.byte_size()));
  }
}

double Between(std::mt19937& random, double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random);
}

// Changes what is not part of the batch key.
void Vary(std::mt19937& random, FeatureMapContrastiveConfig& config) {
  config.tclip = random() % 3 == 0 ? std::numeric_limits<double>::infinity() : Between(random, 1, 20);
  config.regularizer_weight = random() % 3 == 0 ? 0 : Between(random, 0.1, 2);
  config.regularizer_scale = Between(random, 0.01, 0.1);
  config.sampling = SamplingSeed{random(), std::nullopt, 0, 0};
}
void Vary(std::mt19937& random, CpcConfig& config) {
  config.embed_scale = Between(random, 0.1, 1);
  config.step_weighting = random() % 2 == 0 ? StepWeighting::kUniform : StepWeighting::kReference;
}
// All of theirs is part of it.
template <typename Config>
void Vary(std::mt19937&, Config&) {}

template <typename T>
void FillNormal(std::mt19937& random, absl::Span<T> elements) {
  std::normal_distribution<double> normal;
  for (T& element : elements) element = static_cast<T>(normal(random));
}

template <typename T>
void FillLabels(std::mt19937& random, absl::Span<T> labels) {
  for (T& label : labels) label = static_cast<T>(random() % 5);
}

// Of a storage dtype.
Tensor DrawTensor(const TensorSpec& spec, std::mt19937& random, BufferPool& pool) {
  Tensor tensor(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
  switch (spec.dtype) {
    case DType::kInt32:
      FillLabels(random, tensor.elements<int32_t>());
      break;
    case DType::kInt64:
      FillLabels(random, tensor.elements<int64_t>());
      break;
    case DType::kFloat64:
      FillNormal(random, tensor.elements<double>());
      break;
    default:
      FillNormal(random, tensor.elements<float>());
  }
  return tensor;
}

std::string AllBytes(const ComputeResult& result) {
  std::string bytes(sizeof(double), '\0');
  std::memcpy(bytes.data(), &result.objective, sizeof(double));
  AppendBytes(result.outputs, bytes);
  AppendBytes(result.gradients, bytes);
  return bytes;
}

}  // namespace

const LossRegistry& AtenLosses() {
  static const LossRegistry* losses =
      new LossRegistry(MakeAtenLosses("aten-cpu", {.parameter_cache_bytes = kParameterCacheBytes}).value());
  return *losses;
}

BatchResults Compute(const LossRegistry& losses, const std::vector<RandomRequest>& requests, BufferPool& pool) {
  std::vector<ComputeTask> tasks;
  for (const RandomRequest& request : requests) {
    ComputeTask& task = tasks.emplace_back();
    task.plan = MakePlan(request.spec, losses.For(request.spec.loss), 1e15).value();
    task.inputs = request.inputs;
  }
  std::vector<const ComputeTask*> batch;
  for (const ComputeTask& task : tasks) batch.push_back(&task);
  Serial serial;
  return lossd::RunBatch(*batch.front()->plan->loss, batch, {serial, pool});
}

double ExpectAgreesWithTiles(const RandomRequest& request, BufferPool& pool) {
  const auto got = std::move(Compute(AtenLosses(), {request}, pool)[0]);
  const auto expected = std::move(Compute(TileLosses(), {request}, pool)[0]);
  EXPECT_OK(got);
  EXPECT_OK(expected);
  if (!got.ok() || !expected.ok()) return NAN;
  const bool wide = IsWide(request);
  if (std::isfinite(expected->objective)) {
    EXPECT_NEAR(got->objective, expected->objective,
                (wide ? 1e-12 : 2e-6) * std::max(1.0, std::abs(expected->objective)));
  } else {
    EXPECT_EQ(std::isnan(got->objective), std::isnan(expected->objective));
    EXPECT_FALSE(std::isfinite(got->objective));
  }
  EXPECT_EQ(got->nonfinite, expected->nonfinite);
  EXPECT_EQ(got->outputs.size(), expected->outputs.size());
  EXPECT_EQ(got->gradients.size(), expected->gradients.size());
  double worst = 0;
  for (size_t i = 0; i < got->outputs.size(); ++i) {
    const double share = Share(got->outputs[i], expected->outputs[i], wide, 1);
    EXPECT_LE(share, 1) << got->outputs[i].spec().name;
    worst = std::max(worst, share);
  }
  for (size_t i = 0; i < got->gradients.size(); ++i) {
    // Gradients that cancel are compared with the size of what is contrasted.
    const double scale = 1e-3 * request.spec.gradients.scale;
    const double share = Share(got->gradients[i], expected->gradients[i], wide, scale);
    EXPECT_LE(share, 1) << got->gradients[i].spec().name;
    worst = std::max(worst, share);
  }
  return worst;
}

void ExpectEqualBytesAloneAndBatched(const std::vector<RandomRequest>& requests, BufferPool& pool) {
  const auto batched = Compute(AtenLosses(), requests, pool);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = Compute(AtenLosses(), {requests[i]}, pool);
    ASSERT_OK(alone[0]);
    ASSERT_OK(batched[i]);
    EXPECT_TRUE(AllBytes(*batched[i]) == AllBytes(*alone[0])) << "request " << i << " of " << requests.size();
  }
}

RandomRequest Redrawn(const RandomRequest& request, std::mt19937& random, BufferPool& pool) {
  RandomRequest redrawn{request.spec, {}};
  std::visit([&](auto& config) { Vary(random, config); }, redrawn.spec.loss);
  redrawn.spec.gradients.scale = Between(random, 0.5, 2);
  for (const Tensor& input : request.inputs) redrawn.inputs.push_back(DrawTensor(input.spec(), random, pool));
  return redrawn;
}

RandomRequest MakeRequest(LossConfig loss, std::vector<TensorSpec> inputs, std::mt19937& random, BufferPool& pool) {
  RandomRequest request;
  request.spec.loss = std::move(loss);
  request.spec.inputs = std::move(inputs);
  for (TensorSpec& input : request.spec.inputs) {
    if (input.dtype != DType::kInt64) input.dtype = DType::kFloat32;
    request.inputs.push_back(DrawTensor(input, random, pool));
  }
  return request;
}

}  // namespace lossd::testing
