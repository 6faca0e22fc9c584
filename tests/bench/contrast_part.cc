// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/contrast_part.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>

#include "absl/strings/str_format.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"

namespace lossd::bench {
namespace {

double SumOfSquares(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum;
}

}  // namespace

ContrastPart::ContrastPart(const CpcContrastShape& shape)
    : shape_(shape),
      problem_(shape.InLines(0.1)),
      predictions_(static_cast<size_t>(shape.predictions() * shape.dim)),
      targets_(static_cast<size_t>(shape.targets() * shape.dim)),
      prediction_gradient_(predictions_.size()),
      target_gradient_(targets_.size()),
      step_losses_(static_cast<size_t>(shape.steps())),
      step_weights_(step_losses_.size()) {
  std::iota(step_weights_.begin(), step_weights_.end(), 1.0);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const char* name : {"predictions", "targets"}) {
    const TensorSpec spec = {name, DType::kFloat32, {shape.batch, shape.dim, shape.height, shape.width}};
    maps_.emplace_back(spec, pool_.Allocate(static_cast<size_t>(ByteSize(spec))));
    for (float& element : maps_.back().elements<float>()) element = uniform(random);
  }
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t r = 0; r < shape.height; ++r) {
      for (int64_t x = 0; x < shape.width; ++x) {
        for (int64_t d = 0; d < shape.dim; ++d) {
          const int64_t from = ((b * shape.dim + d) * shape.height + r) * shape.width + x;
          const int64_t target = ((r * shape.width + x) * shape.batch + b) * shape.dim + d;
          targets_[static_cast<size_t>(target)] = maps_[1].elements<float>()[static_cast<size_t>(from)];
          if (r >= shape.steps()) continue;
          const int64_t prediction = ((r * shape.width + x) * shape.batch + b) * shape.dim + d;
          predictions_[static_cast<size_t>(prediction)] = maps_[0].elements<float>()[static_cast<size_t>(from)];
        }
      }
    }
  }
  Workspace counter(nullptr);
  TakeStepContrastMemory<float>(problem_, counter);
  workspace_bytes_ = counter.bytes();
  workspace_ = pool_.Allocate(static_cast<size_t>(workspace_bytes_));
  Workspace workspace(workspace_.data());
  contrast_ = {.rows = predictions_.data(),
               .columns = targets_.data(),
               .scale = problem_.scale,
               .step_weights = step_weights_,
               .memory = TakeStepContrastMemory<float>(problem_, workspace),
               .step_losses = step_losses_.data(),
               .row_gradient = prediction_gradient_.data(),
               .column_gradient = target_gradient_.data()};
}

void ContrastPart::Compute() {
  Serial serial;
  RunStepContrasts<float>(problem_, {&contrast_, 1}, serial);
}

double ContrastPart::loss() const {
  double loss = 0;
  for (size_t i = 0; i < step_losses_.size(); ++i) loss += step_weights_[i] * step_losses_[i];
  return loss;
}

double ContrastPart::gradient_norm() const {
  return std::sqrt(SumOfSquares(prediction_gradient_) + SumOfSquares(target_gradient_));
}

std::vector<BoundProduct> ContrastPart::Products() const {
  return ContrastProducts(shape_.predictions(), shape_.targets(), shape_.dim);
}

std::string ContrastPart::TorchCase() const {
  const std::string map = absl::StrFormat("[%d,%d,%d,%d]", shape_.batch, shape_.dim, shape_.height, shape_.width);
  return absl::StrFormat(R"({"loss":"cpc_contrast","inputs":[%s,%s]})", map, map);
}

}  // namespace lossd::bench
