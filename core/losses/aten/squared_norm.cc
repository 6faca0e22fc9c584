// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// 0.5 * sum of squares over all inputs, taken in float64; the gradient of an input is the input itself.

#include <ATen/ATen.h>

#include <cstddef>
#include <memory>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/aten_losses.h"

namespace lossd {
namespace {

using aten::Groups;

class SquaredNorm final : public aten::AtenLoss {
 public:
  explicit SquaredNorm(const aten::Target& target) : AtenLoss(MakeSquaredNorm(), target) {}

 private:
  // Inputs stacked, widened, squared, scaled.
  int64_t WorkspaceBytes(const ComputeSpec& request, const LossPlan&) const override {
    return 3 * aten::InputBytesIn(DType::kFloat64, request) + aten::InputBytes(request);
  }

  void RunGroups(Groups groups) const override {
    const auto count = static_cast<int64_t>(groups.size());
    at::Tensor sums = at::zeros({count}, at::TensorOptions(at::kDouble).device(device()));
    for (size_t input = 0; input < groups[0]->inputs.size(); ++input) {
      const at::Tensor x = aten::StackInput(groups, input, device());
      const at::Tensor wide = x.reshape({count, groups[0]->inputs[input].element_count()}).to(at::kDouble);  // [G, n]
      sums += wide.square().sum(1);
      if (aten::AnyWants(groups, input)) WriteScaled(groups, input, wide, x.sizes());
    }
    aten::WhenOnHost(groups, sums.mul_(0.5), [groups](const at::Tensor& halves) {
      aten::WriteOutput(groups, 0, halves);
      for (size_t g = 0; g < groups.size(); ++g) groups[g]->objective = halves.data_ptr<double>()[g];
    });
  }

  void WriteScaled(Groups groups, size_t input, const at::Tensor& wide, at::IntArrayRef sizes) const {
    const at::Tensor scale = aten::StackNumbers(
        groups, [](const LossTask& task) { return task.request->gradients.scale; }, at::kDouble, device());
    aten::WriteGradient(groups, input, (wide * scale.unsqueeze(1)).view(sizes));
  }
};

}  // namespace

std::unique_ptr<Loss> MakeAtenSquaredNorm(const aten::Target& target) { return std::make_unique<SquaredNorm>(target); }

}  // namespace lossd
