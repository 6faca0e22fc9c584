// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/server_info.h"

#include "core/process/build_info.h"

namespace lossd {
namespace {

void Describe(const LossDescription& loss, v1::LossInfo& info) {
  info.set_name(loss.name);
  info.set_description(loss.summary);
  for (const LossInputDescription& input : loss.inputs) {
    v1::InputInfo* described = info.add_inputs();
    described->set_name(input.name);
    described->mutable_shape()->Assign(input.shape.begin(), input.shape.end());
    described->set_optional(input.optional);
  }
  info.mutable_outputs()->Assign(loss.outputs.begin(), loss.outputs.end());
  for (const DType dtype : loss.dtypes) info.add_dtypes(static_cast<v1::Dtype>(dtype));
}

}  // namespace

v1::GetServerInfoResponse ServerInfo(const LossBackend& backend, const ServerOptions& options) {
  v1::GetServerInfoResponse info;
  info.set_version(kBuildVersion);
  info.set_revision(kBuildRevision);
  for (const DeviceDescription& device : backend.Devices()) {
    v1::Device* described = info.add_devices();
    described->set_name(device.name);
    described->set_description(device.description);
    described->set_threads(device.threads);
  }
  for (const LossDescription& loss : backend.Losses()) Describe(loss, *info.add_losses());
  v1::Limits* limits = info.mutable_limits();
  limits->set_max_message_bytes(options.max_message_bytes);
  limits->set_max_inflight_bytes(options.max_inflight_bytes);
  limits->set_max_concurrent_calls(options.max_concurrent_calls);
  limits->set_max_request_flops(options.max_request_flops);
  return info;
}

std::vector<std::string> ServiceNames() {
  return {"lossd.v1.LossService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection"};
}

}  // namespace lossd
