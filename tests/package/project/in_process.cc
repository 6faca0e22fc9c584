// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Computes SimCLR's loss of two views in this process.

#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <utility>

#include "core/tile_backend.h"
#include "views.h"

namespace {

lossd::Tensor Copied(const lossd::TensorSpec& spec, const std::vector<float>& elements, lossd::BufferPool& pool) {
  lossd::Tensor tensor(spec, pool.Allocate(static_cast<size_t>(lossd::ByteSize(spec))));
  std::memcpy(tensor.bytes(), elements.data(), static_cast<size_t>(tensor.byte_size()));
  return tensor;
}

absl::StatusOr<lossd::ComputeResult> Compute(lossd::LossBackend& backend) {
  lossd::ComputeSpec request;
  request.loss = lossd::NtXentConfig{.temperature = 0.5};
  for (const char* name : {"out_1", "out_2"}) {
    request.inputs.push_back({.name = name, .dtype = lossd::DType::kFloat32, .shape = {kRows, kColumns}});
  }
  auto plan = backend.Prepare(std::move(request));
  if (!plan.ok()) return plan.status();
  lossd::ComputeTask task;
  task.inputs = {Copied((*plan)->inputs[0], MakeView(1), backend.pool()),
                 Copied((*plan)->inputs[1], MakeView(2), backend.pool())};
  task.plan = *std::move(plan);
  std::promise<absl::StatusOr<lossd::ComputeResult>> answer;
  task.done = [&answer](absl::StatusOr<lossd::ComputeResult> result) { answer.set_value(std::move(result)); };
  backend.Submit(std::move(task));
  return answer.get_future().get();
}

}  // namespace

int main() {
  lossd::TileBackendOptions options;
  options.scheduler.threads = 2;
  const absl::StatusOr<std::unique_ptr<lossd::LossBackend>> backend = lossd::CreateTileBackend(options);
  if (!backend.ok()) {
    std::fprintf(stderr, "%s\n", backend.status().ToString().c_str());
    return 1;
  }
  const absl::StatusOr<lossd::ComputeResult> result = Compute(**backend);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    return 1;
  }
  const auto gradient = result->gradients[0].elements<float>();
  Print(result->objective, {gradient.data(), gradient.size()});
  return 0;
}
