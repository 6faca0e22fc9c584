// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/messages.h"

#include <utility>

#include "absl/time/time.h"

namespace lossd::client {
namespace {

// Sets the field only where there is a value: absent fields keep the server's default.
template <typename T, typename Setter>
void SetIf(const std::optional<T>& value, Setter setter) {
  if (value) setter(*value);
}

void Fill(const std::variant<std::monostate, Positions, Seed>& sampling, v1::FeatureMapContrastive& message) {
  if (const auto* positions = std::get_if<Positions>(&sampling)) {
    auto& values = *message.mutable_sampling()->mutable_positions()->mutable_values();
    values.Assign(positions->values.begin(), positions->values.end());
  } else if (const auto* seed = std::get_if<Seed>(&sampling)) {
    v1::Seed& target = *message.mutable_sampling()->mutable_seed();
    SetIf(seed->torch_seed, [&](uint64_t value) { target.set_torch_seed(value); });
    SetIf(seed->numpy_seed, [&](uint64_t value) { target.set_numpy_seed(value); });
    SetIf(seed->torch_skip, [&](uint64_t value) { target.set_torch_skip(value); });
    SetIf(seed->numpy_skip, [&](uint64_t value) { target.set_numpy_skip(value); });
  }
}

struct SpecFiller {
  v1::LossSpec& spec;

  void operator()(const std::monostate&) const {}
  void operator()(const FeatureMapContrastive& loss) const {
    v1::FeatureMapContrastive& message = *spec.mutable_feature_map_contrastive();
    SetIf(loss.comparisons, [&](const std::string& value) { message.set_comparisons(value); });
    SetIf(loss.tclip, [&](double value) { message.set_tclip(value); });
    SetIf(loss.bidirectional, [&](bool value) { message.set_bidirectional(value); });
    SetIf(loss.regularizer_weight, [&](double value) { message.set_regularizer_weight(value); });
    SetIf(loss.regularizer_scale, [&](double value) { message.set_regularizer_scale(value); });
    message.mutable_loss_weights()->Assign(loss.loss_weights.begin(), loss.loss_weights.end());
    Fill(loss.sampling, message);
    SetIf(loss.share_source_samples, [&](bool value) { message.set_share_source_samples(value); });
  }
  void operator()(const Cpc& loss) const {
    v1::Cpc& message = *spec.mutable_cpc();
    SetIf(loss.target_dim, [&](int32_t value) { message.set_target_dim(value); });
    SetIf(loss.embed_scale, [&](double value) { message.set_embed_scale(value); });
    SetIf(loss.init_seed, [&](uint64_t value) { message.set_init_seed(value); });
    SetIf(loss.step_weighting, [&](Cpc::StepWeighting value) {
      message.set_step_weighting(value == Cpc::StepWeighting::kUniform ? v1::Cpc::STEP_WEIGHTING_UNIFORM
                                                                       : v1::Cpc::STEP_WEIGHTING_REFERENCE);
    });
  }
  void operator()(const NtXent& loss) const {
    v1::NtXent& message = *spec.mutable_nt_xent();
    SetIf(loss.temperature, [&](double value) { message.set_temperature(value); });
  }
  void operator()(const SquaredNorm&) const { spec.mutable_squared_norm(); }
};

template <typename T>
std::optional<T> When(bool present, T value) {
  return present ? std::optional<T>(std::move(value)) : std::nullopt;
}

Seed FromMessage(const v1::Seed& message) {
  return {When<uint64_t>(message.has_torch_seed(), message.torch_seed()),
          When<uint64_t>(message.has_numpy_seed(), message.numpy_seed()),
          When<uint64_t>(message.has_torch_skip(), message.torch_skip()),
          When<uint64_t>(message.has_numpy_skip(), message.numpy_skip())};
}

FeatureMapContrastive FromMessage(const v1::FeatureMapContrastive& message) {
  FeatureMapContrastive loss{
      .comparisons = When(message.has_comparisons(), message.comparisons()),
      .tclip = When(message.has_tclip(), message.tclip()),
      .bidirectional = When(message.has_bidirectional(), message.bidirectional()),
      .regularizer_weight = When(message.has_regularizer_weight(), message.regularizer_weight()),
      .regularizer_scale = When(message.has_regularizer_scale(), message.regularizer_scale()),
      .loss_weights = {message.loss_weights().begin(), message.loss_weights().end()},
      .sampling = {},
      .share_source_samples = When(message.has_share_source_samples(), message.share_source_samples())};
  if (message.sampling().has_positions()) {
    const auto& values = message.sampling().positions().values();
    loss.sampling = Positions{{values.begin(), values.end()}};
  } else if (message.sampling().has_seed()) {
    loss.sampling = FromMessage(message.sampling().seed());
  }
  return loss;
}

Cpc FromMessage(const v1::Cpc& message) {
  Cpc loss{When(message.has_target_dim(), message.target_dim()), When(message.has_embed_scale(), message.embed_scale()),
           When<uint64_t>(message.has_init_seed(), message.init_seed()), std::nullopt};
  if (message.has_step_weighting()) {
    loss.step_weighting = message.step_weighting() == v1::Cpc::STEP_WEIGHTING_UNIFORM ? Cpc::StepWeighting::kUniform
                                                                                      : Cpc::StepWeighting::kReference;
  }
  return loss;
}

v1::GradientOptions ToMessage(const GradientOptions& gradients) {
  v1::GradientOptions message;
  switch (gradients.mode) {
    case GradientOptions::Mode::kAll:
      break;
    case GradientOptions::Mode::kNone:
      message.set_mode(v1::GradientOptions::MODE_NONE);
      break;
    case GradientOptions::Mode::kNamed:
      message.set_mode(v1::GradientOptions::MODE_NAMED);
      break;
  }
  message.mutable_names()->Assign(gradients.names.begin(), gradients.names.end());
  if (gradients.dtype) message.set_dtype(static_cast<v1::Dtype>(*gradients.dtype));
  if (gradients.scale) message.set_scale(*gradients.scale);
  return message;
}

absl::Duration FromMessage(const google::protobuf::Duration& message) {
  return absl::Seconds(message.seconds()) + absl::Nanoseconds(message.nanos());
}

ServerInfo::Loss FromMessage(const v1::LossInfo& message) {
  ServerInfo::Loss loss{
      message.name(), message.description(), {}, {message.outputs().begin(), message.outputs().end()}, {}};
  for (const auto& input : message.inputs()) {
    loss.inputs.push_back({input.name(), {input.shape().begin(), input.shape().end()}, input.optional()});
  }
  for (const int dtype : message.dtypes()) {
    if (v1::Dtype_IsValid(dtype)) loss.dtypes.push_back(static_cast<DType>(dtype));
  }
  return loss;
}

}  // namespace

v1::LossSpec ToMessage(const LossSpec& loss) {
  v1::LossSpec message;
  std::visit(SpecFiller{message}, loss);
  return message;
}

LossSpec FromMessage(const v1::LossSpec& message) {
  switch (message.loss_case()) {
    case v1::LossSpec::kFeatureMapContrastive:
      return FromMessage(message.feature_map_contrastive());
    case v1::LossSpec::kCpc:
      return FromMessage(message.cpc());
    case v1::LossSpec::kNtXent:
      return NtXent{When(message.nt_xent().has_temperature(), message.nt_xent().temperature())};
    case v1::LossSpec::kSquaredNorm:
      return SquaredNorm{};
    case v1::LossSpec::LOSS_NOT_SET:
      break;
  }
  return std::monostate{};
}

v1::ComputeRequest ToMessageWithoutInputs(const ComputeRequest& request) {
  v1::ComputeRequest message;
  message.set_request_id(request.request_id);
  if (request.loss.index() != 0) *message.mutable_loss() = ToMessage(request.loss);
  *message.mutable_gradients() = ToMessage(request.gradients);
  v1::ComputeOptions& options = *message.mutable_options();
  if (request.timing) options.set_timing(true);
  if (request.nonfinite_policy == NonfinitePolicy::kReject) {
    options.set_nonfinite_policy(v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  }
  return message;
}

Timing FromMessage(const v1::Timing& message) {
  return {FromMessage(message.decode()), FromMessage(message.queue()), FromMessage(message.compute()),
          FromMessage(message.encode()), message.batch_requests()};
}

ServerInfo FromMessage(const v1::GetServerInfoResponse& message) {
  ServerInfo info{message.version(), message.revision(), {}, {}, {}};
  for (const auto& device : message.devices()) {
    info.devices.push_back({device.name(), device.description(), device.threads()});
  }
  for (const auto& loss : message.losses()) info.losses.push_back(FromMessage(loss));
  info.limits = {message.limits().max_message_bytes(), message.limits().max_inflight_bytes(),
                 message.limits().max_concurrent_calls(), message.limits().max_request_flops()};
  return info;
}

}  // namespace lossd::client
