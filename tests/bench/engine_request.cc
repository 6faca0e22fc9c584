// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_request.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "core/losses/cpc/cpc_parameters.h"
#include "core/losses/registry.h"
#include "core/tile_backend.h"

namespace lossd::bench {
namespace {

// Numbers in [-1, 1), others for each seed.
void Fill(const Tensor& tensor, uint32_t seed) {
  uint32_t state = seed;
  for (float& element : tensor.elements<float>()) {
    state = state * 1664525 + 1013904223;
    element = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
}

// Brings the rows of a matrix to length one.
void Normalise(const Tensor& tensor) {
  const auto width = static_cast<size_t>(tensor.spec().shape[1]);
  const absl::Span<float> elements = tensor.elements<float>();
  for (size_t begin = 0; begin < elements.size(); begin += width) {
    const absl::Span<float> row = elements.subspan(begin, width);
    double sum = 0;
    for (const float element : row) sum += static_cast<double>(element) * element;
    const auto scale = static_cast<float>(1 / std::sqrt(sum));
    for (float& element : row) element *= scale;
  }
}

// Those that torch's modules have after manual_seed(0).
void FillCpcParameters(absl::Span<const Tensor> parameters) {
  const Shape& target = parameters[kTargetWeight].spec().shape;
  const auto values = DrawCpcParameters(0, target[1], target[0]);
  for (size_t p = 0; p < kCpcParameters; ++p) std::ranges::copy(values[p], parameters[p].data<float>());
}

}  // namespace

EngineRequest::EngineRequest(const EngineCase& bench_case, int threads, GemmPrecision precision) {
  TileBackendOptions options;
  options.gemm_precision = precision;
  options.scheduler.threads = threads;
  options.scheduler.max_work_at_once = 250e3;  // As in the server.
  options.max_request_flops = 1e18;
  backend_ = *CreateTileBackend(options);
  plan_ = *backend_->Prepare(bench_case.request);
  for (const TensorSpec& spec : plan_->inputs) {
    inputs_.emplace_back(std::shared_ptr<const TensorSpec>(plan_, &spec),
                         pool().Allocate(static_cast<size_t>(ByteSize(spec))));
    Fill(inputs_.back(), static_cast<uint32_t>(inputs_.size()));
    if (bench_case.unit_rows) Normalise(inputs_.back());
  }
  if (std::holds_alternative<CpcConfig>(bench_case.request.loss)) FillCpcParameters(absl::MakeSpan(inputs_).subspan(1));
}

absl::Span<const Tensor> EngineRequest::torch_inputs() const {
  const bool cpc = std::holds_alternative<CpcConfig>(plan_->request.loss);
  return absl::MakeSpan(inputs_).first(cpc ? 1 : inputs_.size());
}

ComputeResult EngineRequest::Compute() {
  absl::Notification answered;
  absl::StatusOr<ComputeResult> answer;
  ComputeTask task;
  task.plan = plan_;
  task.inputs = inputs_;
  task.inputs_swept.resize(inputs_.size());
  task.done = [&](absl::StatusOr<ComputeResult> result) {
    answer = std::move(result);
    answered.Notify();
  };
  backend_->Submit(std::move(task));
  answered.WaitForNotification();
  if (!answer.ok()) throw std::runtime_error(std::string(answer.status().message()));
  return *std::move(answer);
}

BareLoss::BareLoss(EngineRequest& request) : request_(request) {
  const Plan& plan = request.plan();
  for (const TensorSpec& spec : plan.detail->outputs) outputs_.push_back(Allocate(spec));
  for (const TensorSpec& spec : plan.inputs) gradients_.push_back(Allocate(spec));
  for (const TensorSpec& spec : plan.detail->derived_inputs) gradients_.push_back(Allocate(spec));
}

void BareLoss::Compute(Parallel& parallel) {
  LossTask task;
  task.request = &request_.plan().request;
  task.plan = request_.plan().detail.get();
  task.inputs = request_.inputs();
  task.outputs = absl::MakeSpan(outputs_);
  task.gradients = absl::MakeSpan(gradients_);
  LossTask* const batch = &task;
  request_.plan().loss->Run(absl::MakeSpan(&batch, 1), RunContext{parallel, request_.pool()});
}

Tensor BareLoss::Allocate(const TensorSpec& spec) {
  return Tensor(spec, request_.pool().Allocate(static_cast<size_t>(ByteSize(spec))));
}

InputsFile::InputsFile(absl::Span<const Tensor> inputs)
    : path_(std::filesystem::temp_directory_path() / "lossd_bench_XXXXXX") {
  const int fd = mkstemp(path_.data());
  FILE* const file = fd < 0 ? nullptr : fdopen(fd, "w");
  if (file == nullptr) throw std::runtime_error("cannot create " + path_);
  bool written = true;
  for (const Tensor& tensor : inputs) {
    const absl::Span<float> elements = tensor.elements<float>();
    written = written && std::fwrite(elements.data(), sizeof(float), elements.size(), file) == elements.size();
  }
  written = std::fclose(file) == 0 && written;
  if (!written) throw std::runtime_error("cannot write " + path_);
}

InputsFile::~InputsFile() { std::filesystem::remove(path_); }

}  // namespace lossd::bench
