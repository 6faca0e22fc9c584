// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/messages.h"

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/wire/loss_messages.h"

namespace lossd::client {
namespace {

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
  const std::optional<LossConfig> config = ConfigOf(loss);
  return config.has_value() ? wire::ToLossMessage(*config) : v1::LossSpec();
}

LossSpec FromMessage(const v1::LossSpec& message) {
  const absl::StatusOr<LossConfig> config = wire::ToLossConfig(message);
  return config.ok() ? OrNone(*config) : LossSpec();
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
