// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC built from ATen's operators, differentiated by autograd, as the oracle of all gradients.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/losses/loss.h"
#include "gtest/gtest.h"
#include "tests/core/losses/cpc/pixel_cnn_run.h"
#include "tests/support/cpc_oracle.h"
#include "tests/support/larger_or_nan.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::CpcCase;
using ::lossd::testing::DrawCpcCase;
using ::lossd::testing::LargerOrNan;
using ::lossd::testing::MakeCpcTestCase;
using ::lossd::testing::PixelCnnRun;
using ::lossd::testing::RunAlone;

at::Tensor ToTensor(const std::vector<double>& values, absl::Span<const int64_t> shape) {
  return at::tensor(values, at::kDouble).reshape(at::IntArrayRef(shape.data(), shape.size())).requires_grad_(true);
}

// Where the ReLUs of a float32 run were on, as maps of ones and zeros that replace them. Rows that do not count are
// off.
class ReplayedSigns {
 public:
  explicit ReplayedSigns(const CpcCase& values)
      : shape_(testing::ShapeOf(values)), run_(values, {.relus = true, .inputs = true}, serial_) {}

  at::Tensor Entry(size_t block) const {
    return Masks(run_.activations().entry[block], kPixelCnnHidden, 0,
                 [&](int64_t r, int64_t x, int64_t b) { return (r * shape_.width + x) * shape_.batch + b; });
  }
  at::Tensor Down(size_t block) const {
    return Masks(run_.activations().down[block], kPixelCnnHidden, 1,
                 [&](int64_t r, int64_t x, int64_t b) { return (r * (shape_.width - 2) + x) * shape_.batch + b; });
  }
  at::Tensor Context() const {
    return Masks(run_.activations().c[kPixelCnnBlocks], shape_.channels, 0,
                 [&](int64_t r, int64_t x, int64_t b) { return (r * shape_.width + x) * shape_.batch + b; });
  }

 private:
  template <typename Position>
  at::Tensor Masks(const float* map, int64_t channels, int64_t margin, const Position& position) const {
    at::Tensor masks = at::zeros({shape_.batch, channels, shape_.height, shape_.width}, at::kDouble);
    auto access = masks.accessor<double, 4>();
    for (int64_t b = 0; b < shape_.batch; ++b) {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t r = 0; r < shape_.rows(); ++r) {
          for (int64_t x = margin; x < shape_.width - margin; ++x) {
            access[b][c][r][x] = map[position(r, x - margin, b) * channels + c] > 0 ? 1 : 0;
          }
        }
      }
    }
    return masks;
  }

  PixelCnnShape shape_;
  Serial serial_;
  PixelCnnRun<float> run_;
};

// A ReLU; with `signs`, one that is on where they are, which may differ from its own only next to zero.
at::Tensor Rectified(const at::Tensor& u, const at::Tensor* signs, int64_t margin) {
  if (signs == nullptr) return at::relu(u);
  const int64_t rows = u.size(2) - 2;
  const int64_t columns = u.size(3) - 2 * margin;
  const at::Tensor inner = u.slice(2, 0, rows).slice(3, margin, margin + columns).detach();
  const at::Tensor on = signs->slice(2, 0, rows).slice(3, margin, margin + columns);
  const at::Tensor flipped = inner.gt(0).ne(on.gt(0));
  EXPECT_LE((flipped.to(at::kDouble) * inner.abs()).max().item<double>(), 1e-6 * inner.abs().max().item<double>());
  at::Tensor mask = u.detach().gt(0).to(at::kDouble);
  mask.slice(2, 0, rows).slice(3, margin, margin + columns).copy_(on);
  return u * mask;
}

// The tensors of a case and the loss over them.
class AutogradCpc {
 public:
  AutogradCpc(const CpcCase& values, const ReplayedSigns* signs) : values_(values), signs_(signs) {
    leaves_.push_back(ToTensor(values.z, {values.batch, values.channels, values.height, values.width}));
    const std::vector<TensorSpec> specs = CpcParameterSpecs(values.channels, values.dim, DType::kFloat64);
    for (size_t p = 0; p < specs.size(); ++p) leaves_.push_back(ToTensor(values.parameters[p], specs[p].shape));
    const at::Tensor targets = Convolve(leaves_[0], kTargetWeight);
    const at::Tensor predictions = Convolve(Context(), kPredictionWeight);
    loss_ = Contrast(predictions, targets);
    loss_.backward();
  }

  double loss() const { return loss_.item<double>(); }
  // Of z, then of the parameters.
  std::vector<double> gradient(size_t index) const {
    const at::Tensor gradient = leaves_[index].grad().contiguous();
    return {gradient.data_ptr<double>(), gradient.data_ptr<double>() + gradient.numel()};
  }

 private:
  at::Tensor Convolve(const at::Tensor& x, size_t weight, at::IntArrayRef padding = {0, 0}) const {
    return at::conv2d(x, leaves_[1 + weight], leaves_[2 + weight], 1, padding);
  }

  at::Tensor Context() const {
    at::Tensor c = leaves_[0];
    for (size_t block = 0; block < kPixelCnnBlocks; ++block) {
      const size_t first = kContextParameters + block * kBlockParameters;
      const at::Tensor entry_signs = signs_ != nullptr ? signs_->Entry(block) : at::Tensor();
      const at::Tensor down_signs = signs_ != nullptr ? signs_->Down(block) : at::Tensor();
      const at::Tensor entry =
          Rectified(Convolve(c, first + kEntryWeight), signs_ != nullptr ? &entry_signs : nullptr, 0);
      const at::Tensor across = at::constant_pad_nd(Convolve(entry, first + kAcrossWeight), {0, 0, 1, 0}, 1);
      const at::Tensor down =
          Rectified(Convolve(across, first + kDownWeight, {0, 1}), signs_ != nullptr ? &down_signs : nullptr, 1);
      c = c + Convolve(down, first + kExitWeight);
    }
    const at::Tensor signs = signs_ != nullptr ? signs_->Context() : at::Tensor();
    return Rectified(c, signs_ != nullptr ? &signs : nullptr, 0);
  }

  at::Tensor Contrast(const at::Tensor& predictions, const at::Tensor& targets) const {
    const int64_t height = values_.height;
    const int64_t width = values_.width;
    const at::Tensor rows = targets.permute({0, 2, 3, 1}).reshape({-1, values_.dim});
    at::Tensor total = at::zeros({}, at::kDouble);
    for (int64_t i = 1; i <= height - 2; ++i) {
      const int64_t used = height - i - 1;
      const at::Tensor p = predictions.slice(2, 0, used).permute({0, 2, 3, 1}).reshape({-1, values_.dim});
      const at::Tensor logs = at::log_softmax(at::matmul(p, rows.t()) * values_.embed_scale, 1);
      const at::Tensor all = at::arange(values_.batch * height * width).reshape({values_.batch, height, width});
      const at::Tensor picks = all.slice(1, i + 1, height).reshape({-1, 1});
      const double weight = values_.weighting == StepWeighting::kUniform ? 1.0 : static_cast<double>(i);
      total = total - weight * logs.gather(1, picks).mean();
    }
    return total;
  }

  const CpcCase& values_;
  const ReplayedSigns* signs_;
  std::vector<at::Tensor> leaves_;
  at::Tensor loss_;
};

// Largest error of any gradient, each relative to the tensor's largest entry.
double LargestError(const CpcCase& values, DType dtype, const ReplayedSigns* signs) {
  const AutogradCpc oracle(values, signs);
  const auto result = RunAlone(*MakeCpc(0), MakeCpcTestCase(values, dtype));
  EXPECT_OK(result);
  EXPECT_NEAR(result->objective, oracle.loss(),
              (dtype == DType::kFloat64 ? 1e-12 : 1e-6) * std::max(1.0, oracle.loss()));
  double largest_error = 0;
  for (size_t input = 0; input < 1 + kCpcParameters; ++input) {
    if (input == 1 + kTargetBias) continue;  // Zero but for the oracle's rounding.
    const std::vector<double> expected = oracle.gradient(input);
    const std::vector<double> gradient = result->gradient(input);
    double error = 0;
    double largest = 1e-12;
    for (size_t i = 0; i < expected.size(); ++i) {
      error = LargerOrNan(error, std::abs(gradient[i] - expected[i]));
      largest = std::max(largest, std::abs(expected[i]));
    }
    largest_error = LargerOrNan(largest_error, error / largest);
  }
  return largest_error;
}

std::vector<CpcCase> ManyShapes() {
  return {
      DrawCpcCase(41, {.batch = 1, .channels = 2, .height = 3, .width = 3, .dim = 3}),
      DrawCpcCase(42, {.batch = 3, .channels = 5, .height = 3, .width = 6, .dim = 65}),
      DrawCpcCase(43, {.batch = 2, .channels = 70, .height = 7, .width = 3, .dim = 8, .embed_scale = -0.3}),
      DrawCpcCase(
          44, {.batch = 5, .channels = 3, .height = 8, .width = 9, .dim = 16, .weighting = StepWeighting::kUniform}),
      DrawCpcCase(45, {.batch = 4, .channels = 32, .height = 7, .width = 7, .dim = 64, .embed_scale = 0.1})};
}

TEST(CpcAutogradTest, AllGradientsAgreeInFloat64) {
  for (const CpcCase& values : ManyShapes()) {
    EXPECT_LT(LargestError(values, DType::kFloat64, nullptr), 1e-12) << values.height << " x " << values.width;
  }
}

TEST(CpcAutogradTest, AllGradientsAgreeInFloat32WithTheSameSignsOfTheRelus) {
  for (const CpcCase& values : ManyShapes()) {
    const ReplayedSigns signs(values);
    EXPECT_LT(LargestError(values, DType::kFloat32, &signs), 1e-5) << values.height << " x " << values.width;
  }
}

}  // namespace
}  // namespace lossd
