// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_cases.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/losses/cpc/cpc_parameters.h"

namespace lossd::bench {
namespace {

TensorSpec Floats(std::string name, Shape shape) { return {std::move(name), DType::kFloat32, std::move(shape)}; }

// The shapes as JSON.
std::string ShapeList(const std::vector<TensorSpec>& specs) {
  return absl::StrCat("[",
                      absl::StrJoin(specs, ",",
                                    [](std::string* out, const TensorSpec& spec) {
                                      absl::StrAppend(out, "[", absl::StrJoin(spec.shape, ","), "]");
                                    }),
                      "]");
}

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
  result.loss = "feature maps";
  result.name = std::move(name);
  result.bound = "scores and their two gradients in each direction: 6 B^2 L C a direction";
  result.goals.bound = goal;
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
  const std::string position_list = absl::StrJoin(positions, ",");
  config.sampling = ExplicitPositions{std::move(positions)};
  for (const char* side : {"anchor", "positive"}) {
    for (size_t i = 0; i < maps.size(); ++i) {
      result.request.inputs.push_back(
          Floats(absl::StrCat(side, ".", i), {maps[i].images, maps[i].channels, maps[i].side, maps[i].side}));
    }
  }
  result.torch =
      absl::StrFormat(R"({"loss":"feature_map_contrastive","inputs":%s,"comparisons":"%s","positions":[%s]})",
                      ShapeList(result.request.inputs), config.comparisons, position_list);
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
  result.loss = "CPC";
  result.name = absl::StrFormat("cpc (%d, %d, %d, %d)", batch, channels, side, side);
  result.bound = "PixelCNN on h - 2 rows, 1x1 convolutions, scores; forward and both gradients";
  result.goals.bound = 1.25;
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
  const std::vector<BoundProduct> contrast = ContrastProducts(positions, all, kTargetDim);
  products.insert(products.end(), contrast.begin(), contrast.end());
  result.request.loss = CpcConfig{};
  result.request.inputs.push_back(Floats("z", {batch, channels, side, side}));
  result.torch = absl::StrFormat(R"({"loss":"cpc","inputs":%s})", ShapeList(result.request.inputs));
  for (TensorSpec& spec : CpcParameterSpecs(channels, kTargetDim, DType::kFloat32)) {
    result.request.inputs.push_back(std::move(spec));
  }
  return result;
}

// A loss of two inputs of equally many rows.
EngineCase OfTwo(LossConfig config, const char* first, const char* second, int64_t rows, int64_t width, double goal) {
  EngineCase result;
  result.loss = std::string(kLossNames[config.index()]);
  result.name = absl::StrFormat("%s %d x %d", result.loss, rows, width);
  result.goals.bound = goal;
  result.request.loss = std::move(config);
  result.request.inputs = {Floats(first, {rows, width}), Floats(second, {rows, width})};
  result.torch = absl::StrFormat(R"({"loss":"%s","inputs":%s})", result.loss, ShapeList(result.request.inputs));
  return result;
}

EngineCase NtXent(int64_t rows, int64_t width, double goal) {
  EngineCase result = OfTwo(NtXentConfig{}, "out_1", "out_2", rows, width, goal);
  const int64_t all = 2 * rows;
  result.bound = absl::StrFormat("scores S, D out, D^T out: 6 M^2 D with M = %d rows", all);
  result.products = ContrastProducts(all, all, width);
  result.unit_rows = true;
  return result;
}

// Rows against columns: InfoNCE with one side's terms, CLIP with both. Up to 64 MiB of scores are kept; more are formed
// twice: 8 N^2 D, of which the bound counts 6.
EngineCase Pairs(LossConfig config, const char* first, const char* second, int64_t rows, int64_t width, double goal) {
  EngineCase result = OfTwo(std::move(config), first, second, rows, width, goal);
  result.bound = "scores S, D keys, D^T queries: 6 N^2 D";
  result.products = ContrastProducts(rows, rows, width);
  result.unit_rows = true;
  return result;
}

// Columns of two views: one matrix of moments, of VICReg two.
EngineCase Moments(LossConfig config, int64_t rows, int64_t width, double goal) {
  const int64_t matrices = std::holds_alternative<VicRegConfig>(config) ? 2 : 1;
  EngineCase result = OfTwo(std::move(config), "z_1", "z_2", rows, width, goal);
  result.bound = "moments of columns, and both gradients through them";
  result.products = {{width, width, rows, matrices}, {rows, width, width, 2}};
  return result;
}

}  // namespace

std::vector<EngineCase> EngineCases() {
  std::vector<EngineCase> cases;
  const auto add = [&cases](EngineCase bench_case) -> EngineCase& { return cases.emplace_back(std::move(bench_case)); };
  EngineCase& tiny = add(OneMap({3, 5, 2}, 0));
  tiny.goals.microseconds = 2;
  tiny.goals.reference = 200;
  EngineCase& small = add(OneMap({16, 64, 7}, 1.6));
  small.goals.reference = 8;
  small.neighbour = true;
  add(OneMap({64, 256, 5}, 1.2));
  add(OneMap({64, 256, 7}, 1.2)).neighbour = true;
  add(OneMap({256, 128, 7}, 1.15));
  add(OneMap({200, 1280, 7}, 1.08));
  add(FeatureMaps("amdim 01,02,11 (64, 512; 1, 5, 7)", {{64, 512, 1}, {64, 512, 5}, {64, 512, 7}},
                  {{0, 1}, {0, 2}, {1, 1}}, 1.2));
  add(Cpc(3, 32, 7));
  add(Cpc(16, 64, 7)).neighbour = true;
  add(Cpc(16, 256, 7)).goals.reference = 1.75;
  add(Cpc(8, 256, 14)).goals.reference = 4;
  add(Cpc(64, 512, 7));
  add(NtXent(1024, 128, 0)).neighbour = true;
  add(NtXent(4096, 256, 1.25));
  EngineCase& large = add(NtXent(65536, 256, 0));
  large.is_large = true;
  large.goals.extra_bytes = 200e6;
  large.torch.clear();  // Its scores would take 64 GiB.
  add(Pairs(InfoNceConfig{}, "query", "key", 4096, 256, 1.25)).goals.extra_bytes = 96e6;
  add(Pairs(ClipConfig{}, "image", "text", 4096, 256, 1.25)).goals.extra_bytes = 96e6;
  add(Pairs(SigLipConfig{}, "image", "text", 4096, 256, 1.25));
  add(Moments(VicRegConfig{}, 512, 1024, 0));
  add(Moments(BarlowTwinsConfig{}, 512, 1024, 0));
  for (EngineCase many :
       {Pairs(InfoNceConfig{}, "query", "key", 65536, 256, 0), Pairs(ClipConfig{}, "image", "text", 65536, 256, 0)}) {
    many.is_large = true;
    many.goals.extra_bytes = 200e6;
    many.torch.clear();
    add(std::move(many));
  }
  return cases;
}

}  // namespace lossd::bench
