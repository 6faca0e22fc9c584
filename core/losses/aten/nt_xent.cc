// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// NT-Xent over the M = 2N rows of z = [out_1; out_2], with s = z z^T / temperature and p(i) the partner of row i:
//   n_i = log-sum-exp over k != i, p(i) of s_ik,   loss = mean_i softplus(n_i - s_i,p(i))
//   D_i,p(i) = -sig_i / M,   D_ik = sig_i exp(s_ik - n_i) / M for the others,   sig_i = sigmoid(n_i - s_i,p(i))
//   dz = (D + D^T) z / temperature

#include <ATen/ATen.h>

#include <cstddef>
#include <limits>
#include <memory>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/score_rows.h"
#include "core/losses/input_names.h"

namespace lossd {
namespace {

using aten::Groups;

constexpr double kMasked = -std::numeric_limits<double>::infinity();

// Indices of out_1 and out_2.
std::vector<int> ViewsOf(const ComputeSpec& request) { return *FindNamedInputs(request.inputs, {"out_1", "out_2"}); }

double TemperatureOf(const LossTask& task) { return std::get<NtXentConfig>(task.request->loss).temperature; }

// The groups of a run, G of them.
class GroupRun {
 public:
  GroupRun(Groups groups, at::Device device) : groups_(groups) {
    const std::vector<int> views = ViewsOf(*groups[0]->request);
    for (int view : views) views_.push_back(static_cast<size_t>(view));
    z_ = at::cat({aten::StackInput(groups, views_[0], device), aten::StackInput(groups, views_[1], device)}, 1);
    const auto options = z_.options();
    rows_ = z_.size(1);
    partners_ = (at::arange(rows_, options.dtype(at::kLong)) + rows_ / 2).remainder_(rows_);
    temperatures_ = aten::StackNumbers(groups, TemperatureOf, z_.scalar_type(), device);
    weights_ = aten::StackNumbers(
        groups,
        [this](const LossTask& task) {
          return task.request->gradients.scale / TemperatureOf(task) / static_cast<double>(rows_);
        },
        at::kDouble, device);
    losses_ = at::zeros({z_.size(0)}, options.dtype(at::kDouble));
    if (aten::AnyWants(groups, views_[0]) || aten::AnyWants(groups, views_[1])) gradient_ = at::zeros_like(z_);
  }

  void Run() {
    const int64_t chunk = aten::ChunkRows(rows_, rows_);
    for (int64_t first = 0; first < rows_; first += chunk) {
      if (aten::AllCancelled(groups_)) return;
      RunChunk(first, std::min(chunk, rows_ - first));
    }
    Finish();
  }

 private:
  void RunChunk(int64_t first, int64_t count) {
    const at::Tensor rows = z_.narrow(1, first, count);                                          // [G, rows, D]
    at::Tensor scores = at::bmm(rows, z_.transpose(1, 2)).div_(temperatures_.view({-1, 1, 1}));  // [G, rows, M]
    const at::Tensor picks = partners_.narrow(0, first, count).view({1, count, 1}).expand({z_.size(0), count, 1});
    const at::Tensor picked = scores.gather(2, picks).squeeze(2).to(at::kDouble);  // [G, rows]
    scores.scatter_(2, picks, kMasked);
    scores.diagonal(first, 1, 2).fill_(kMasked);
    const aten::RowSums sums = aten::ExponentiateRows(scores);
    const at::Tensor margins = sums.log_sum_exp() - picked;
    losses_ += aten::Softplus(margins).sum(1);
    if (!gradient_.defined()) return;
    const at::Tensor shares = aten::Sigmoid(margins) * weights_.unsqueeze(1);
    scores.mul_(aten::DividedBySum(shares, sums.sum).to(scores.scalar_type()).unsqueeze(2));
    scores.scatter_(2, picks, shares.neg().to(scores.scalar_type()).unsqueeze(2));
    gradient_.narrow(1, first, count).baddbmm_(scores, z_);
    gradient_.baddbmm_(scores.transpose(1, 2), rows);
  }

  void Finish() {
    const at::Tensor losses = losses_.div_(static_cast<double>(rows_)).cpu();
    aten::WriteOutput(groups_, 0, losses);
    for (size_t g = 0; g < groups_.size(); ++g) groups_[g]->objective = losses.data_ptr<double>()[g];
    if (!gradient_.defined()) return;
    for (size_t view = 0; view < 2; ++view) {
      const int64_t rows = rows_ / 2;
      aten::WriteGradient(groups_, views_[view], gradient_.narrow(1, static_cast<int64_t>(view) * rows, rows));
    }
  }

  const Groups groups_;
  std::vector<size_t> views_;
  int64_t rows_;             // M
  at::Tensor z_;             // [G, M, D]
  at::Tensor partners_;      // [M]
  at::Tensor temperatures_;  // [G]
  at::Tensor weights_;       // [G]: of the gradient.
  at::Tensor losses_;        // [G]: sums so far.
  at::Tensor gradient_;      // [G, M, D]; undefined where no group wants one.
};

class NtXent final : public aten::AtenLoss {
 public:
  explicit NtXent(at::Device device) : AtenLoss(MakeNtXent(), device) {}

 private:
  // Both views stacked and joined, the gradient, three times a chunk's scores.
  int64_t WorkspaceBytes(const ComputeSpec& request, const LossPlan& plan) const override {
    const int64_t rows = 2 * request.inputs[0].shape[0];
    const auto element = static_cast<int64_t>(SizeOf(plan.outputs[0].dtype));
    return 3 * aten::InputBytes(request) + aten::ChunkBytes(rows, rows, 3, element);
  }

  void RunGroups(Groups groups) const override { GroupRun(groups, device()).Run(); }
};

}  // namespace

std::unique_ptr<Loss> MakeAtenNtXent(at::Device device) { return std::make_unique<NtXent>(device); }

}  // namespace lossd
