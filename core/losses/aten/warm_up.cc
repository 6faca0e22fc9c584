// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/warm_up.h"

#include <cmath>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/engine/parallel.h"
#include "core/status/status_macros.h"

namespace lossd::aten {
namespace {

constexpr int64_t kRows = 4;
constexpr int64_t kWidth = 8;

// A contrast of equal rows, whose loss is known: each of kRows columns is as likely.
class TinyContrast {
 public:
  TinyContrast(const LossSet& losses, BufferPool& pool) {
    request_.loss = ClipConfig{};
    loss_ = losses[request_.loss.index()].get();
    for (const char* name : {"image", "text"}) request_.inputs.push_back({name, DType::kFloat32, {kRows, kWidth}});
    for (const TensorSpec& spec : request_.inputs) {
      Tensor& input = inputs_.emplace_back(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
      for (float& element : input.elements<float>()) element = 0.5F;
      gradients_.emplace_back(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
    }
  }

  absl::Status Run(DeviceLane& lane, BufferPool& pool) {
    LOSSD_ASSIGN_OR_RETURN(const std::unique_ptr<LossPlan> plan, loss_->Prepare(request_));
    std::vector<Tensor> outputs;
    for (const TensorSpec& spec : plan->outputs) {
      outputs.emplace_back(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
    }
    std::vector<std::optional<SweepStats>> swept(gradients_.size());
    LossTask task;
    task.request = &request_;
    task.plan = plan.get();
    task.inputs = inputs_;
    task.outputs = absl::MakeSpan(outputs);
    task.gradients = absl::MakeSpan(gradients_);
    task.swept = absl::MakeSpan(swept);
    LossTask* const batch[] = {&task};
    Serial serial;
    loss_->Run(batch, {serial, pool, &lane});
    LOSSD_RETURN_IF_ERROR(task.status);
    const double expected = std::log(static_cast<double>(kRows));
    if (std::abs(task.objective - expected) <= 1e-3) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("expected a loss of ", expected, ", got ", task.objective));
  }

 private:
  ComputeSpec request_;
  const Loss* loss_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> gradients_;
};

absl::Status Run(const LossSet& losses, DeviceLane& lane) {
  BufferPool pool(0, lane.device().host_memory());
  TinyContrast contrast(losses, pool);
  try {
    return contrast.Run(lane, pool);
  } catch (const std::bad_alloc&) {
    return absl::UnavailableError("it has no memory");
  } catch (const std::exception& error) {
    return absl::UnavailableError(error.what());
  }
}

}  // namespace

absl::Status WarmUp(const LossSet& losses, DeviceLane& lane) {
  for (int slot = 0; slot < lane.slots(); ++slot) {
    const absl::Status status = Run(losses, lane);
    if (status.ok()) continue;
    const std::vector<std::string> lines = absl::StrSplit(status.message(), '\n');  // LibTorch's have a backtrace.
    return absl::UnavailableError(absl::StrCat("the device does not compute: ", lines[0]));
  }
  return absl::OkStatus();
}

}  // namespace lossd::aten
