// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_cases.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lossd::bench {
namespace {

TensorSpec Floats(std::string name, Shape shape) { return {std::move(name), DType::kFloat32, std::move(shape)}; }

struct MapExtent {
  int64_t images;
  int64_t channels;
  int64_t side;
  int64_t locations() const { return side * side; }
};

// Scores, gradient of the sources, gradient of the targets: of one direction.
void AddDirection(const MapExtent& target, std::vector<BoundProduct>& products) {
  const int64_t columns = target.images * target.locations();
  products.push_back({target.images, columns, target.channels});
  products.push_back({target.images, target.channels, columns});
  products.push_back({target.channels, columns, target.images});
}

// Two views' maps of the given extents, the pairs compared in both directions.
EngineCase FeatureMaps(std::string name, const std::vector<MapExtent>& maps,
                       const std::vector<std::pair<size_t, size_t>>& pairs, double goal) {
  EngineCase result;
  result.name = std::move(name);
  result.goal = goal;
  FeatureMapContrastiveConfig config;
  config.comparisons = absl::StrJoin(
      pairs, ",", [](std::string* out, const auto& pair) { absl::StrAppend(out, pair.first, pair.second); });
  std::vector<int32_t> positions;
  for (const auto& [source, target] : pairs) {
    for (int direction = 0; direction < 2; ++direction) {
      for (int64_t b = 0; b < maps[0].images; ++b) {
        positions.push_back(static_cast<int32_t>((7 * b + direction) % maps[source].locations()));
      }
      AddDirection(maps[target], result.products);
    }
  }
  config.sampling = ExplicitPositions{std::move(positions)};
  for (const char* side : {"anchor", "positive"}) {
    for (size_t i = 0; i < maps.size(); ++i) {
      result.request.inputs.push_back(
          Floats(absl::StrCat(side, ".", i), {maps[i].images, maps[i].channels, maps[i].side, maps[i].side}));
    }
  }
  const std::string shapes = absl::StrJoin(maps, ",", [](std::string* out, const MapExtent& map) {
    absl::StrAppendFormat(out, "[%d,%d,%d,%d]", map.images, map.channels, map.side, map.side);
  });
  result.eager = absl::StrFormat(R"({"loss":"feature_map_contrastive","maps":[%s],"comparisons":"%s"})", shapes,
                                 config.comparisons);
  result.request.loss = std::move(config);
  return result;
}

EngineCase OneMap(MapExtent map, double goal) {
  return FeatureMaps(absl::StrFormat("maps 00 (%d, %d, %d, %d)", map.images, map.channels, map.side, map.side), {map},
                     {{0, 0}}, goal);
}

// A convolution as products: forward, gradient of its input, gradient of its weights.
void AddConvolution(int64_t positions, int64_t in, int64_t out, int64_t times, std::vector<BoundProduct>& products) {
  products.push_back({positions, out, in, times});
  products.push_back({positions, in, out, times});
  products.push_back({in, out, positions, times});
}

EngineCase Cpc(int64_t batch, int64_t channels, int64_t side) {
  constexpr int64_t kHidden = 256, kBlocks = 5, kTargetDim = 64;
  EngineCase result;
  result.name = absl::StrFormat("cpc (%d, %d, %d, %d)", batch, channels, side, side);
  result.goal = 1.25;
  const int64_t all = batch * side * side;
  const int64_t positions = batch * (side - 2) * side;
  const int64_t inner = batch * (side - 2) * (side - 2);
  auto& products = result.products;
  AddConvolution(positions, channels, kHidden, kBlocks, products);
  AddConvolution(inner, 3 * kHidden, kHidden, kBlocks, products);
  AddConvolution(inner, 2 * kHidden, kHidden, kBlocks, products);
  AddConvolution(inner, kHidden, channels, kBlocks, products);
  AddConvolution(positions, channels, kTargetDim, 1, products);
  AddConvolution(all, channels, kTargetDim, 1, products);
  // Scores against all targets, a block of rows at a time, and both gradients.
  const int64_t rows = std::min<int64_t>(512, positions);
  const int64_t times = (positions + rows - 1) / rows;
  products.push_back({rows, all, kTargetDim, times});
  products.push_back({rows, kTargetDim, all, times});
  products.push_back({all, kTargetDim, rows, times});
  result.request.loss = CpcConfig{};
  result.request.inputs.push_back(Floats("z", {batch, channels, side, side}));
  result.request.gradients.mode = GradientSelection::Mode::kNamed;
  result.request.gradients.names = {"z", "parameters.*"};
  result.eager = absl::StrFormat(R"({"loss":"cpc","z":[%d,%d,%d,%d]})", batch, channels, side, side);
  return result;
}

EngineCase NtXent(int64_t rows, int64_t width, double goal) {
  EngineCase result;
  result.name = absl::StrFormat("nt_xent %d x %d", rows, width);
  result.goal = goal;
  // Scores, and the gradient from the sum of both roles: without regard to the scores' symmetry 4 M^2 D operations.
  const int64_t all = 2 * rows;
  const int64_t block = std::min<int64_t>(512, all);
  result.products = {{block, all, width, all / block}, {block, width, all, all / block}};
  result.request.loss = NtXentConfig{};
  result.request.inputs = {Floats("out_1", {rows, width}), Floats("out_2", {rows, width})};
  result.eager = absl::StrFormat(R"({"loss":"nt_xent","rows":%d,"width":%d})", rows, width);
  return result;
}

}  // namespace

std::vector<EngineCase> EngineCases() {
  std::vector<EngineCase> cases;
  cases.push_back(OneMap({3, 5, 2}, 0));
  cases.back().goal_us = 2;
  cases.push_back(OneMap({16, 64, 7}, 1.6));
  cases.push_back(OneMap({64, 256, 5}, 1.2));
  cases.push_back(OneMap({64, 256, 7}, 1.2));
  cases.push_back(OneMap({256, 128, 7}, 1.15));
  cases.push_back(OneMap({200, 1280, 7}, 1.08));
  cases.push_back(FeatureMaps("amdim 01,02,11 (64, 512; 1, 5, 7)", {{64, 512, 1}, {64, 512, 5}, {64, 512, 7}},
                              {{0, 1}, {0, 2}, {1, 1}}, 1.2));
  cases.push_back(Cpc(3, 32, 7));
  cases.push_back(Cpc(16, 64, 7));
  cases.push_back(Cpc(16, 256, 7));
  cases.push_back(Cpc(8, 256, 14));
  cases.push_back(Cpc(64, 512, 7));
  cases.push_back(NtXent(1024, 128, 0));
  cases.push_back(NtXent(4096, 256, 1.25));
  cases.push_back(NtXent(65536, 256, 0));
  cases.back().is_large = true;
  cases.back().eager.clear();  // Its scores would take 64 GiB.
  return cases;
}

}  // namespace lossd::bench
