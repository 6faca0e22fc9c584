// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The contrastive losses against LibTorch's autograd in float64, over random requests.

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/losses/registry.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::RunAlone;
using ::lossd::testing::TestCase;
using ::lossd::testing::TestInput;
using ::lossd::testing::TestResult;

std::vector<at::Tensor> MakeLeaves(const TestCase& test_case) {
  std::vector<at::Tensor> leaves;
  for (const TestInput& input : test_case.inputs) {
    const std::vector<int64_t> shape(input.shape.begin(), input.shape.end());
    leaves.push_back(at::tensor(input.values, at::kDouble).reshape(shape).requires_grad_(true));
  }
  return leaves;
}

TestInput RandomInput(std::string name, Shape shape, std::mt19937_64& engine) {
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<size_t>(ElementCount(shape)));
  for (double& value : values) value = normal(engine);
  return {std::move(name), std::move(shape), std::move(values), DType::kFloat64};
}

int64_t ChannelsOf(const TestCase& test_case) { return test_case.inputs[0].shape[1]; }

// Loss and regularizer of one direction; source [B, C], target [B, C, L].
std::pair<at::Tensor, at::Tensor> Direction(const at::Tensor& source, const at::Tensor& target, double tclip) {
  const int64_t images = source.size(0);
  const at::Tensor x = at::einsum("bc,jcl->bjl", {source, target}) / std::sqrt(source.size(1));
  const at::Tensor s = std::isinf(tclip) ? x : tclip * at::tanh(x / tclip);
  const at::Tensor own = at::eye(images, at::kBool).unsqueeze(2);  // [B, B, 1]
  const at::Tensor negatives =
      s.masked_fill(own, -std::numeric_limits<double>::infinity()).flatten(1).logsumexp(1, true);  // [B, 1]
  const at::Tensor positives = at::einsum("bbl->bl", {s});
  return {(at::logaddexp(positives, negatives) - positives).mean(), x.square().mean()};
}

at::Tensor Objective(const TestCase& test_case, const std::vector<at::Tensor>& leaves, const TestResult& result,
                     size_t anchors) {
  const auto& config = std::get<FeatureMapContrastiveConfig>(test_case.request.loss);
  const std::vector<double> comparisons = result.output("comparisons");
  const std::vector<double> positions = result.output("positions");
  const int64_t images = test_case.inputs[0].shape[0];
  at::Tensor objective = at::zeros({}, at::kDouble);
  size_t place = 0;
  for (size_t k = 0; k < comparisons.size() / 2; ++k) {
    const int directions = config.bidirectional ? 2 : 1;
    for (int d = 0; d < directions; ++d, place += static_cast<size_t>(images)) {
      const auto map = [&](int side, double index) {
        return leaves[(side == 0 ? 0 : anchors) + static_cast<size_t>(index)];
      };
      std::vector<int64_t> flat(positions.begin() + static_cast<int64_t>(place),
                                positions.begin() + static_cast<int64_t>(place) + images);
      const at::Tensor place_of = at::tensor(flat).view({images, 1, 1}).expand({images, ChannelsOf(test_case), 1});
      const at::Tensor source = map(d, comparisons[2 * k]).flatten(2).gather(2, place_of).squeeze(2);
      const auto [loss, square] = Direction(source, map(1 - d, comparisons[2 * k + 1]).flatten(2), config.tclip);
      objective = objective + config.loss_weights[k] * loss / directions +
                  config.regularizer_weight * config.regularizer_scale * square / directions;
    }
  }
  return objective;
}

void ExpectGradients(const std::vector<at::Tensor>& leaves, const TestResult& result) {
  for (size_t i = 0; i < leaves.size(); ++i) {
    const at::Tensor expected =
        leaves[i].grad().defined() ? leaves[i].grad().flatten() : at::zeros_like(leaves[i]).flatten();
    const at::Tensor got = at::tensor(result.gradient(i), at::kDouble);
    EXPECT_LE((got - expected).abs().max().item<double>(), 1e-12 * std::max(1.0, expected.abs().max().item<double>()));
  }
}

TEST(ContrastAutogradTest, AgreesOnFeatureMaps) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 engine(seed);
    const auto draw = [&](int64_t first, int64_t last) {
      return std::uniform_int_distribution<int64_t>(first, last)(engine);
    };
    const int64_t images = draw(2, 6);
    const int64_t channels = draw(1, 9);
    const int64_t anchors = draw(1, 3);
    TestCase test_case;
    for (const char* side : {"anchor.", "positive."}) {
      for (int64_t i = 0; i < anchors; ++i) {
        test_case.inputs.push_back(
            RandomInput(absl::StrCat(side, i), {images, channels, draw(1, 4), draw(1, 4)}, engine));
      }
    }
    FeatureMapContrastiveConfig config;
    const auto index = [&] { return draw(0, 3) == 0 ? std::string("r") : absl::StrCat(draw(0, anchors - 1)); };
    config.comparisons = absl::StrCat(index(), index(), ", ", index(), index());
    const double clips[] = {10.0, 1.0, 45.0, std::numeric_limits<double>::infinity()};
    config.tclip = clips[draw(0, 3)];
    config.bidirectional = draw(0, 1) == 1;
    config.share_source_samples = draw(0, 1) == 1;
    config.loss_weights = {0.5 * static_cast<double>(draw(-2, 3)), 1.0};
    config.regularizer_weight = static_cast<double>(draw(0, 2));
    SamplingSeed sampling;
    sampling.torch_seed = seed;
    config.sampling = sampling;
    test_case.request.loss = config;
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
    const std::vector<at::Tensor> leaves = MakeLeaves(test_case);
    const at::Tensor objective = Objective(test_case, leaves, result, static_cast<size_t>(anchors));
    objective.backward();
    EXPECT_NEAR(result.objective, objective.item<double>(), 1e-12 * std::max(1.0, std::abs(result.objective)));
    ExpectGradients(leaves, result);
  }
}

TEST(ContrastAutogradTest, AgreesOnNtXent) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 engine(seed);
    const int64_t rows = std::uniform_int_distribution<int64_t>(2, 300)(engine);
    const int64_t width = std::uniform_int_distribution<int64_t>(1, 20)(engine);
    TestCase test_case;
    test_case.request.loss = NtXentConfig{.temperature = 0.5};
    test_case.inputs = {RandomInput("out_1", {rows, width}, engine), RandomInput("out_2", {rows, width}, engine)};
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
    const std::vector<at::Tensor> leaves = MakeLeaves(test_case);
    const at::Tensor out = at::cat({leaves[0], leaves[1]});
    const at::Tensor s = at::matmul(out, out.t()) / 0.5;  // [M, M]
    const at::Tensor others = s.masked_fill(at::eye(2 * rows, at::kBool), -std::numeric_limits<double>::infinity());
    const at::Tensor loss = (others.logsumexp(1) - s.diagonal(rows).repeat(2)).mean();
    loss.backward();
    EXPECT_NEAR(result.objective, loss.item<double>(), 1e-12 * std::max(1.0, result.objective));
    ExpectGradients(leaves, result);
  }
}

}  // namespace
}  // namespace lossd
