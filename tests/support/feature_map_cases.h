// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes cases of feature_map_contrastive for tests.

#ifndef LOSSD_TESTS_SUPPORT_FEATURE_MAP_CASES_H_
#define LOSSD_TESTS_SUPPORT_FEATURE_MAP_CASES_H_

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/losses/loss_config.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

// Maps of normal values.
struct MapMaker {
  std::mt19937_64 engine;
  double mean = 0;
  double deviation = 1;
  bool relu = false;
  DType dtype = DType::kFloat32;

  TestInput Make(const std::string& name, const Shape& shape) {
    std::normal_distribution<double> normal(mean, deviation);
    std::vector<double> values(static_cast<size_t>(ElementCount(shape)));
    for (double& value : values) {
      value = normal(engine);
      if (relu) value = std::max(value, 0.0);
    }
    return {name, shape, values, dtype};
  }
};

// Draws after torch.manual_seed(seed), past `skip` words.
inline SamplingSeed TorchSeed(uint64_t seed, uint64_t skip = 0) {
  SamplingSeed sampling;
  sampling.torch_seed = seed;
  sampling.torch_skip = skip;
  return sampling;
}

// The configuration of a case of this loss.
inline FeatureMapContrastiveConfig& ConfigOf(TestCase& test_case) {
  return std::get<FeatureMapContrastiveConfig>(test_case.request.loss);
}

// A case over `inputs`, drawn from a seed.
inline TestCase MakeCase(std::string comparisons, std::vector<TestInput> inputs, uint64_t seed = 3) {
  TestCase test_case;
  FeatureMapContrastiveConfig config;
  config.comparisons = std::move(comparisons);
  config.sampling = TorchSeed(seed);
  test_case.request.loss = config;
  test_case.inputs = std::move(inputs);
  return test_case;
}

// A case '00' over maps of equal shape.
inline TestCase MakePlainCase(MapMaker& maker, const Shape& shape) {
  return MakeCase("00", {maker.Make("anchor.0", shape), maker.Make("positive.0", shape)});
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_FEATURE_MAP_CASES_H_
