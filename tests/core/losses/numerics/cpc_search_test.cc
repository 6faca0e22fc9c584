// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// worst_case_search_test for the contrast of CPC: its network's ReLUs leave a whole pass no exact answer.

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iostream>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/core/losses/numerics/climb.h"
#include "tests/core/losses/numerics/exact_cpc.h"
#include "tests/core/losses/numerics/search_cases.h"

namespace lossd::testing {
namespace {

struct Drawn {
  CpcRows rows;
  std::string text;
};

// Vectors with a bias: one sign, or about it.
Drawn Draw(const Genes& genes) {
  Drawn drawn;
  CpcContrastShape& shape = drawn.rows.shape;
  const auto of = [&](size_t gene, std::initializer_list<int64_t> choices) {
    return *(choices.begin() + static_cast<size_t>(genes[gene] * static_cast<double>(choices.size())));
  };
  shape = {of(0, {1, 1, 2, 3, 8}), of(1, {3, 4, 5, 7}), of(2, {1, 3, 4, 7}), of(3, {1, 8, 32, 64, 65, 128, 256, 512})};
  while (shape.predictions() * shape.targets() * shape.dim > (int64_t{1} << 20)) shape.dim /= 2;
  const bool few = GainsFromFloat64(shape.InLines(1));
  const bool is_wide = genes[10] < 0.2;
  drawn.rows.dtype = is_wide ? DType::kFloat64 : DType::kFloat32;
  drawn.rows.embed_scale = std::exp(genes[4] * 6 - 4);
  for (int64_t i = 1; i <= shape.steps(); ++i) {
    drawn.rows.step_weights.push_back(genes[11] < 0.5 ? static_cast<double>(i) : 1);  // As both kinds of StepWeighting.
  }
  const double bias = genes[5] < 0.3 ? 0 : genes[5] * 8;
  const double size = std::exp(genes[6] * 6 - 4);
  const double spread = genes[7] < 0.2 ? 0.01 : genes[7];
  const bool level = few && !is_wide && genes[9] < 0.3;  // Alike: docs/losses.md.
  // About the largest score. Beyond a hundred, roundings of many steps' scores are too much (docs/losses.md).
  const double most = static_cast<double>(shape.dim) * std::pow(size * (bias + 3 * spread), 2);
  if (!few || is_wide) drawn.rows.embed_scale = std::min(drawn.rows.embed_scale, 100 / most);
  if (genes[12] < 0.2) drawn.rows.embed_scale *= -1;
  std::mt19937_64 random(static_cast<uint64_t>(genes[8] * 1e15));
  std::normal_distribution<double> normal;
  const auto fill = [&](std::vector<double>& values, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      const double same = normal(random);
      for (int64_t c = 0; c < shape.dim; ++c) {
        const double own = level ? same : normal(random);
        const double value = size * (bias + spread * own);
        values.push_back(is_wide ? value : static_cast<double>(static_cast<float>(value)));
      }
    }
  };
  fill(drawn.rows.predictions, shape.predictions());
  fill(drawn.rows.targets, shape.targets());
  drawn.text =
      absl::StrCat(DTypeName(drawn.rows.dtype), " batch ", shape.batch, " ", shape.height, " x ", shape.width, " dim ",
                   shape.dim, " scale ", drawn.rows.embed_scale, genes[11] < 0.5 ? "" : " steps alike", " bias ", bias,
                   " spread ", spread, " size ", size, level ? " level" : "");
  return drawn;
}

double ShareOf(const CpcRows& rows) {
  const CpcRowsResult got = ContrastOnDevice(rows);
  const ExactCpcResult exact = ContrastExactly(rows);
  const double kappa = exact.conditioning.kappa;
  const std::vector<double>& magnitude = exact.conditioning.magnitude;
  const auto share_of = [&](const std::vector<double>& computed, const std::vector<double>& expected, double size) {
    return GradientErrorShare(computed, expected, size, kappa, rows.dtype);
  };
  return std::max(
      {LossErrorShare(got.LossWith(rows.step_weights), exact.LossWith(rows.step_weights), kappa, rows.dtype),
       share_of(got.prediction_gradient, exact.prediction_gradient, magnitude[0]),
       share_of(got.target_gradient, exact.target_gradient, magnitude[1])});
}

TEST(CpcSearchTest, NothingIsWorseThanWhatIsAllowed) {
  const Climb climb([](const Genes& genes) { return ShareOf(Draw(genes).rows); });
  EXPECT_LE(climb.worst(), 0.7) << Draw(climb.genes()).text;
  std::cout << climb.text() << Draw(climb.genes()).text << "\n";
}

}  // namespace
}  // namespace lossd::testing
