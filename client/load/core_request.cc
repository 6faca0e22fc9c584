// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/core_request.h"

#include <utility>
#include <variant>

namespace lossd::load {
namespace {

Sampling ToCore(const std::variant<std::monostate, client::Positions, client::Seed>& sampling) {
  if (const auto* positions = std::get_if<client::Positions>(&sampling)) return ExplicitPositions{positions->values};
  const auto* const seed = std::get_if<client::Seed>(&sampling);
  if (seed == nullptr) return std::monostate();
  return SamplingSeed{seed->torch_seed, seed->numpy_seed, seed->torch_skip.value_or(0), seed->numpy_skip.value_or(0)};
}

struct ToConfig {
  LossConfig operator()(const client::FeatureMapContrastive& loss) const {
    FeatureMapContrastiveConfig config;
    config.comparisons = loss.comparisons.value_or(config.comparisons);
    config.tclip = loss.tclip.value_or(config.tclip);
    config.bidirectional = loss.bidirectional.value_or(config.bidirectional);
    config.regularizer_weight = loss.regularizer_weight.value_or(config.regularizer_weight);
    config.regularizer_scale = loss.regularizer_scale.value_or(config.regularizer_scale);
    config.loss_weights = loss.loss_weights;
    config.sampling = ToCore(loss.sampling);
    config.share_source_samples = loss.share_source_samples.value_or(false);
    return config;
  }
  LossConfig operator()(const client::Cpc& loss) const {
    CpcConfig config;
    config.target_dim = loss.target_dim;
    config.embed_scale = loss.embed_scale.value_or(config.embed_scale);
    config.init_seed = loss.init_seed;
    if (loss.step_weighting == client::Cpc::StepWeighting::kUniform) config.step_weighting = StepWeighting::kUniform;
    return config;
  }
  LossConfig operator()(const client::NtXent& loss) const {
    return NtXentConfig{loss.temperature.value_or(NtXentConfig().temperature)};
  }
  LossConfig operator()(const client::SquaredNorm&) const { return SquaredNormConfig(); }
  LossConfig operator()(std::monostate) const { return SquaredNormConfig(); }
};

GradientSelection ToCore(const client::GradientOptions& options) {
  GradientSelection selection;
  selection.mode = static_cast<GradientSelection::Mode>(options.mode);
  selection.names = options.names;
  selection.dtype = options.dtype;
  selection.scale = options.scale.value_or(1.0);
  return selection;
}

}  // namespace

ComputeSpec ToCoreRequest(const client::ComputeRequest& request, std::vector<TensorSpec> inputs) {
  ComputeSpec spec;
  spec.loss = std::visit(ToConfig(), request.loss);
  spec.gradients = ToCore(request.gradients);
  spec.nonfinite_policy = request.nonfinite_policy == client::NonfinitePolicy::kReject ? NonfinitePolicy::kReject
                                                                                       : NonfinitePolicy::kReport;
  spec.inputs = std::move(inputs);
  return spec;
}

}  // namespace lossd::load
