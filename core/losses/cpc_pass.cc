// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc_pass.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/losses/channel_sweeps.h"
#include "core/losses/pointwise_convolution.h"
#include "core/losses/position_tiles.h"

namespace lossd {
namespace {

constexpr int64_t kSumChannels = 64;   // Channels of an iteration that sums a bias's gradient.
constexpr int64_t kItemChannels = 64;  // Input channels of an iteration over a weight's gradient.

// Brings image b of z into channels-last order: all rows in order [r][x][b], the network's rows in order [x][r][b].
template <typename T>
void TurnInput(const CpcPass<T>& pass, int64_t b) {
  const PixelCnnShape& shape = pass.plan->shape;
  const int64_t locations = shape.height * shape.width;
  const T* image = pass.z + b * shape.channels * locations;
  for (int64_t location = 0; location < locations; ++location) {
    const int64_t r = location / shape.width;
    const int64_t x = location % shape.width;
    T* to = pass.memory.z + (location * shape.batch + b) * shape.channels;
    for (int64_t c = 0; c < shape.channels; ++c) to[c] = image[c * locations + location];
    if (r >= shape.rows()) continue;
    std::copy_n(to, shape.channels,
                pass.memory.activations.c[0] + ((x * shape.rows() + r) * shape.batch + b) * shape.channels);
  }
}

// z's gradient for image b: what came back through the network and through the targets.
template <typename T>
void TurnGradient(const CpcPass<T>& pass, int64_t b) {
  const PixelCnnShape& shape = pass.plan->shape;
  const int64_t locations = shape.height * shape.width;
  T* image = pass.z_gradient + b * shape.channels * locations;
  for (int64_t location = 0; location < locations; ++location) {
    const int64_t r = location / shape.width;
    const int64_t x = location % shape.width;
    const T* direct = pass.memory.z_gradient + (location * shape.batch + b) * shape.channels;
    const T* network = pass.memory.gradients.c + ((x * shape.rows() + r) * shape.batch + b) * shape.channels;
    for (int64_t c = 0; c < shape.channels; ++c) {
      const auto sum = static_cast<double>(r < shape.rows() ? direct[c] + network[c] : direct[c]);
      image[c * locations + location] = static_cast<T>(sum * pass.scale);
    }
  }
}

// to = from weight^T + bias for a tile of rows of `from` [rows, C].
template <typename T>
void Project(const CpcPass<T>& pass, const T* from, const PackedWeight<T>& weight, const T* bias, PositionTile tile,
             T* to) {
  const int64_t dim = pass.plan->dim;
  const int64_t channels = pass.plan->shape.channels;
  T* projected = to + tile.first * dim;
  Convolve(from + tile.first * channels, tile.count, weight, false, projected);
  AddBias(projected, tile.count, dim, bias, projected);
}

template <typename T>
void RunForward(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  ForItems(passes, plan.shape.batch, parallel, [](const CpcPass<T>& pass, int64_t b) { TurnInput(pass, b); });
  ForTiles(passes, plan.contrast().targets(), parallel, [](const CpcPass<T>& pass, PositionTile tile) {
    Project(pass, pass.memory.z, pass.weights.target, pass.weights.target_bias, tile, pass.memory.targets);
  });
  std::vector<PixelCnnForward<T>> network;
  for (const CpcPass<T>& pass : passes) {
    network.push_back({&pass.weights.context, pass.memory.activations, pass.cancelled});
  }
  RunPixelCnn<T>(plan.shape, network, parallel);
  ForTiles(passes, plan.shape.positions(), parallel, [](const CpcPass<T>& pass, PositionTile tile) {
    Project(pass, pass.memory.activations.c[kPixelCnnBlocks], pass.weights.prediction, pass.weights.prediction_bias,
            tile, pass.memory.predictions);
  });
}

template <typename T>
void RunContrast(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  std::vector<CpcContrast<T>> contrasts;
  for (const CpcPass<T>& pass : passes) {
    contrasts.push_back({.predictions = pass.memory.predictions,
                         .targets = pass.memory.targets,
                         .embed_scale = pass.plan->embed_scale,
                         .weighting = pass.plan->weighting,
                         .memory = pass.memory.contrast,
                         .step_losses = pass.memory.step_losses,
                         .prediction_gradient = pass.memory.prediction_gradient,
                         .target_gradient = pass.memory.target_gradient,
                         .cancelled = pass.cancelled});
  }
  RunCpcContrast<T>(plan.contrast(), contrasts, parallel);
}

// A projection's weight gradient for one slice of input channels.
template <typename T>
void ProjectionWeight(const CpcPass<T>& pass, const T* gradient, const T* input, int64_t rows, int64_t item,
                      T* weight) {
  if (weight == nullptr) return;
  const int64_t channels = pass.plan->shape.channels;
  const int64_t first = item * kItemChannels;
  Correlate(gradient, pass.plan->dim, input, channels, rows, {first, std::min(kItemChannels, channels - first)},
            static_cast<T>(pass.scale), weight + first, channels);
}

// Gradients of the biases. That of the targets is zero: a softmax does not see a shift.
template <typename T>
void ProjectionBiases(const CpcPass<T>& pass) {
  const int64_t dim = pass.plan->dim;
  if (T* bias = pass.parameter_gradients[kTargetBias]) std::fill_n(bias, dim, T{0});
  T* bias = pass.parameter_gradients[kPredictionBias];
  if (bias == nullptr) return;
  for (int64_t first = 0; first < dim; first += kSumChannels) {
    std::array<double, kSumChannels> sums{};
    const int64_t count = std::min(kSumChannels, dim - first);
    AddColumnSums(pass.memory.prediction_gradient, pass.plan->shape.positions(), dim, first, count, sums.data());
    for (int64_t c = 0; c < count; ++c) {
      bias[first + c] = static_cast<T>(sums[static_cast<size_t>(c)] * pass.scale);
    }
  }
}

template <typename T>
void RunProjectionGradients(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  const int64_t items = (plan.shape.channels + kItemChannels - 1) / kItemChannels;
  ForItems(passes, 2 * items + 1, parallel, [&](const CpcPass<T>& pass, int64_t item) {
    const CpcMemory<T>& memory = pass.memory;
    if (item == 2 * items) return ProjectionBiases(pass);
    if (item < items) {
      return ProjectionWeight<T>(pass, memory.prediction_gradient, memory.activations.c[kPixelCnnBlocks],
                                 plan.shape.positions(), item, pass.parameter_gradients[kPredictionWeight]);
    }
    ProjectionWeight<T>(pass, memory.target_gradient, memory.z, plan.contrast().targets(), item - items,
                        pass.parameter_gradients[kTargetWeight]);
  });
}

// The context's gradient: back through the prediction's weight and the network's last ReLU.
template <typename T>
void BackToContext(const CpcPass<T>& pass, PositionTile tile) {
  const int64_t dim = pass.plan->dim;
  const int64_t channels = pass.plan->shape.channels;
  T* context = pass.memory.gradients.c + tile.first * channels;
  ConvolveBack(pass.memory.prediction_gradient + tile.first * dim, tile.count, pass.weights.prediction, false, context);
  MaskByRelu(pass.memory.activations.c[kPixelCnnBlocks] + tile.first * channels, tile.count * channels, context);
}

template <typename T>
void BackToInput(const CpcPass<T>& pass, PositionTile tile) {
  const int64_t dim = pass.plan->dim;
  const int64_t channels = pass.plan->shape.channels;
  ConvolveBack(pass.memory.target_gradient + tile.first * dim, tile.count, pass.weights.target, false,
               pass.memory.z_gradient + tile.first * channels);
}

template <typename T>
void RunNetworkBackward(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  ForTiles(passes, plan.shape.positions(), parallel, [](const CpcPass<T>& pass, PositionTile tile) {
    if (pass.wants.context()) BackToContext(pass, tile);
  });
  std::vector<PixelCnnBackward<T>> network;
  for (const CpcPass<T>& pass : passes) {
    if (!pass.wants.context()) continue;
    PixelCnnBackward<T>& backward = network.emplace_back();
    backward = {.weights = &pass.weights.context,
                .activations = pass.memory.activations,
                .gradients = pass.memory.gradients,
                .input_wanted = pass.wants.z,
                .parameters = {},
                .scale = pass.scale,
                .cancelled = pass.cancelled};
    std::copy_n(pass.parameter_gradients.begin() + kContextParameters, kPixelCnnParameters,
                backward.parameters.begin());
  }
  if (!network.empty()) RunPixelCnnBackward<T>(plan.shape, network, parallel);
}

template <typename T>
void RunBackward(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  RunProjectionGradients(plan, passes, parallel);
  RunNetworkBackward(plan, passes, parallel);
  ForTiles(passes, plan.contrast().targets(), parallel, [](const CpcPass<T>& pass, PositionTile tile) {
    if (pass.wants.z) BackToInput(pass, tile);
  });
  ForItems(passes, plan.shape.batch, parallel, [](const CpcPass<T>& pass, int64_t b) {
    if (pass.wants.z) TurnGradient(pass, b);
  });
}

}  // namespace

template <typename T>
CpcMemory<T> TakeCpcMemory(const CpcPlan& plan, const CpcWants& wants, Workspace& workspace) {
  const int64_t channels = plan.shape.channels;
  const int64_t targets = plan.contrast().targets();
  const int64_t predictions = plan.contrast().predictions();
  CpcMemory<T> memory{};
  memory.z = workspace.Take<T>(targets * channels);
  memory.targets = workspace.Take<T>(targets * plan.dim);
  memory.predictions = workspace.Take<T>(predictions * plan.dim);
  memory.step_losses = workspace.Take<double>(plan.contrast().steps());
  if (plan.sent_parameters || wants.context_parameters()) memory.taps = workspace.Take<T>(kArrangeScratchElements);
  const PixelCnnKeeping keeping{.relus = wants.context(), .inputs = wants.context_parameters()};
  memory.activations = TakeActivations<T>(plan.shape, keeping, workspace);
  if (wants.targets()) memory.target_gradient = workspace.Take<T>(targets * plan.dim);
  if (wants.predictions()) memory.prediction_gradient = workspace.Take<T>(predictions * plan.dim);
  // The contrast is over when the way back through the network begins, and z has served when its gradient is formed.
  const int64_t phase = workspace.position();
  memory.contrast = TakeContrastMemory<T>(plan.contrast(), workspace);
  workspace.ReturnTo(phase);
  if (wants.context()) memory.gradients = TakeGradients(plan.shape, memory.activations, memory.taps, workspace);
  workspace.EndPhases();
  if (wants.z) memory.z_gradient = memory.z;
  return memory;
}

template <typename T>
void RunCpcPasses(absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  const CpcPlan& plan = *passes.front().plan;
  RunForward(plan, passes, parallel);
  RunContrast(plan, passes, parallel);
  RunBackward(plan, passes, parallel);
}

template CpcMemory<float> TakeCpcMemory(const CpcPlan&, const CpcWants&, Workspace&);
template CpcMemory<double> TakeCpcMemory(const CpcPlan&, const CpcWants&, Workspace&);
template void RunCpcPasses(absl::Span<const CpcPass<float>>, Parallel&);
template void RunCpcPasses(absl::Span<const CpcPass<double>>, Parallel&);

}  // namespace lossd
