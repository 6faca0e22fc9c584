// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_pass.h"

#include <algorithm>
#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "core/engine/rounding.h"
#include "core/engine/row_tiles.h"
#include "core/losses/cpc/channel_sweeps.h"
#include "core/losses/cpc/pointwise_convolution.h"

namespace lossd {
namespace {

constexpr int64_t kSumChannels = 64;   // Channels of an iteration that sums a bias's gradient.
constexpr int64_t kItemChannels = 64;  // Input channels of an iteration over a weight's gradient.

// Brings image b of z into channels-last order.
template <typename T>
void TurnInput(const CpcPass<T>& pass, int64_t b) {
  const PixelCnnShape& shape = pass.plan->shape;
  const int64_t locations = shape.height * shape.width;
  const T* image = pass.z + b * shape.channels * locations;
  for (int64_t location = 0; location < locations; ++location) {
    T* to = pass.memory.z + (location * shape.batch + b) * shape.channels;
    for (int64_t c = 0; c < shape.channels; ++c) to[c] = image[c * locations + location];
  }
}

// Brings z's gradient for image b into its order.
template <typename T>
void TurnGradient(const CpcPass<T>& pass, int64_t b) {
  const PixelCnnShape& shape = pass.plan->shape;
  const int64_t locations = shape.height * shape.width;
  T* image = pass.z_gradient + b * shape.channels * locations;
  for (int64_t location = 0; location < locations; ++location) {
    const T* from = pass.memory.turned_z_gradient + (location * shape.batch + b) * shape.channels;
    for (int64_t c = 0; c < shape.channels; ++c) {
      image[c * locations + location] = static_cast<T>(static_cast<double>(from[c]) * pass.scale);
    }
  }
}

// to = from weight^T + bias for a tile of rows of `from` [rows, C].
template <typename T>
void Project(const CpcPass<T>& pass, const T* from, const PackedWeight<T>& weight, const T* bias, RowTile tile, T* to) {
  const int64_t dim = pass.plan->dim;
  const int64_t channels = pass.plan->shape.channels;
  T* projected = to + tile.first * dim;
  Convolve(from + tile.first * channels, tile.count, weight, false, projected);
  AddBias(projected, tile.count, dim, bias, projected);
}

template <typename T>
void RunForward(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  ForItems(passes, plan.shape.batch, parallel, [](const CpcPass<T>& pass, int64_t b) { TurnInput(pass, b); });
  absl::InlinedVector<PixelCnnForward<T>, 1> network;
  for (const CpcPass<T>& pass : passes) {
    network.push_back({&pass.weights.context, pass.memory.activations, pass.cancelled});
  }
  RunPixelCnn<T>(plan.shape, network, parallel);
  const int64_t predictions = plan.contrast().predictions();
  const int64_t targets = plan.contrast().targets();
  ForItems(passes, TilesOf(predictions) + TilesOf(targets), parallel, [&](const CpcPass<T>& pass, int64_t item) {
    if (item < TilesOf(predictions)) {
      return Project(pass, pass.memory.activations.c[kPixelCnnBlocks], pass.weights.prediction,
                     pass.weights.prediction_bias, TileOf(predictions, item), pass.memory.predictions);
    }
    Project(pass, pass.memory.z, pass.weights.target, pass.weights.target_bias,
            TileOf(targets, item - TilesOf(predictions)), pass.memory.targets);
  });
}

template <typename T>
void RunContrast(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  absl::InlinedVector<StepOperands<T>, 1> contrasts;
  for (const CpcPass<T>& pass : passes) {
    contrasts.push_back({.rows = pass.memory.predictions,
                         .columns = pass.memory.targets,
                         .scale = pass.plan->problem.scale,
                         .step_weights = pass.plan->step_weights,
                         .memory = pass.memory.contrast,
                         .step_losses = pass.memory.step_losses,
                         .row_gradient = pass.memory.prediction_gradient,
                         .column_gradient = pass.memory.target_gradient,
                         .precision = pass.weights.context.precision,
                         .cancelled = pass.cancelled});
  }
  RunStepContrasts<T>(plan.problem, contrasts, parallel);
}

// A projection's weight gradient for one slice of input channels.
template <typename T>
void ProjectionWeight(const CpcPass<T>& pass, const T* gradient, const T* input, int64_t rows, int64_t item,
                      T* weight) {
  if (weight == nullptr) return;
  const int64_t channels = pass.plan->shape.channels;
  const int64_t first = item * kItemChannels;
  Correlate(RowsOfMap(gradient, pass.plan->dim), pass.plan->dim, RowsOfMap(input, channels), rows,
            {first, std::min(kItemChannels, channels - first)}, static_cast<T>(pass.scale),
            pass.weights.context.precision, weight + first, channels);
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
  const int64_t items = CeilDiv(plan.shape.channels, kItemChannels);
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
void BackToContext(const CpcPass<T>& pass, RowTile tile) {
  const int64_t dim = pass.plan->dim;
  const int64_t channels = pass.plan->shape.channels;
  T* context = pass.memory.gradients.c + tile.first * channels;
  ConvolveBack(pass.memory.prediction_gradient + tile.first * dim, tile.count, pass.weights.prediction, false, context);
  MaskByRelu(pass.memory.activations.c[kPixelCnnBlocks] + tile.first * channels, tile.count * channels, context);
}

// z's gradient: what comes back through the targets, and in the first rows through the network.
template <typename T>
void BackToInput(const CpcPass<T>& pass, RowTile tile) {
  const int64_t dim = pass.plan->dim;
  const int64_t channels = pass.plan->shape.channels;
  T* gradient = pass.memory.turned_z_gradient + tile.first * channels;
  ConvolveBack(pass.memory.target_gradient + tile.first * dim, tile.count, pass.weights.target, false, gradient);
  const int64_t shared = std::clamp(pass.plan->shape.positions() - tile.first, int64_t{0}, tile.count) * channels;
  const T* network = pass.memory.gradients.c + tile.first * channels;
  for (int64_t i = 0; i < shared; ++i) gradient[i] += network[i];
}

template <typename T>
void RunNetworkBackward(const CpcPlan& plan, absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  ForTiles(passes, plan.shape.positions(), parallel, [](const CpcPass<T>& pass, RowTile tile) {
    if (pass.wants.context()) BackToContext(pass, tile);
  });
  absl::InlinedVector<PixelCnnBackward<T>, 1> network;
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
  ForTiles(passes, plan.contrast().targets(), parallel, [](const CpcPass<T>& pass, RowTile tile) {
    if (pass.wants.z) BackToInput(pass, tile);
  });
  ForItems(passes, plan.shape.batch, parallel, [](const CpcPass<T>& pass, int64_t b) {
    if (pass.wants.z) TurnGradient(pass, b);
  });
}

// What the network takes beside its activations.
template <typename T>
void TakeNetworkMemory(const CpcPlan& plan, const CpcWants& wants, absl::Span<const T* const> parameters,
                       GemmPrecision precision, T* z_gradient, Workspace& workspace, CpcMemory<T>& memory) {
  const bool sent = !parameters.empty();
  T* const taps = sent || wants.context_parameters() ? workspace.Take<T>(kArrangeScratchElements) : nullptr;
  if (sent) {
    PixelCnnWeights<T>& weights = memory.sent_weights.context;
    weights = TakePixelCnnWeights<T>(plan.shape.channels, parameters.subspan(kContextParameters), BlockMemory::kTurns,
                                     precision, workspace);
    weights.scratch = taps;
  }
  if (!wants.context()) return;
  T* const c = wants.z ? z_gradient : workspace.Take<T>(plan.shape.positions() * plan.shape.channels);
  memory.gradients = TakeGradients(plan.shape, memory.activations, c, taps, workspace);
}

}  // namespace

template <typename T>
CpcMemory<T> TakeCpcMemory(const CpcPlan& plan, const CpcWants& wants, absl::Span<const T* const> parameters,
                           GemmPrecision precision, T* z_gradient, Workspace& workspace) {
  const int64_t channels = plan.shape.channels;
  const int64_t targets = plan.contrast().targets();
  const int64_t predictions = plan.contrast().predictions();
  CpcMemory<T> memory{};
  memory.z = workspace.Take<T>(targets * channels);
  if (wants.z) memory.turned_z_gradient = memory.z;
  memory.step_losses = workspace.Take<double>(plan.contrast().steps());
  const PixelCnnKeeping keeping{.relus = wants.context(), .inputs = wants.context_parameters()};
  memory.activations = TakeActivations<T>(plan.shape, keeping, memory.z, workspace);
  if (wants.targets()) memory.target_gradient = workspace.Take<T>(targets * plan.dim);
  if (wants.predictions()) memory.prediction_gradient = workspace.Take<T>(predictions * plan.dim);
  if (!parameters.empty())
    memory.sent_weights = TakeProjections<T>(channels, plan.dim, parameters, precision, workspace);
  // The contrast comes between the network's two ways, whose memory serves it meanwhile.
  const int64_t phase = workspace.position();
  memory.targets = workspace.Take<T>(targets * plan.dim);
  memory.predictions = workspace.Take<T>(predictions * plan.dim);
  memory.contrast = TakeStepContrastMemory<T>(plan.problem, workspace);
  workspace.ReturnTo(phase);
  TakeNetworkMemory(plan, wants, parameters, precision, z_gradient, workspace, memory);
  workspace.EndPhases();
  return memory;
}

template <typename T>
void RunCpcPasses(absl::Span<const CpcPass<T>> passes, Parallel& parallel) {
  const CpcPlan& plan = *passes.front().plan;
  RunForward(plan, passes, parallel);
  RunContrast(plan, passes, parallel);
  RunBackward(plan, passes, parallel);
}

template CpcMemory<float> TakeCpcMemory(const CpcPlan&, const CpcWants&, absl::Span<const float* const>, GemmPrecision,
                                        float*, Workspace&);
template CpcMemory<double> TakeCpcMemory(const CpcPlan&, const CpcWants&, absl::Span<const double* const>,
                                         GemmPrecision, double*, Workspace&);
template void RunCpcPasses(absl::Span<const CpcPass<float>>, Parallel&);
template void RunCpcPasses(absl::Span<const CpcPass<double>>, Parallel&);

}  // namespace lossd
