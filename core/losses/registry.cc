// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/registry.h"

#include "core/losses/tile_operators.h"

namespace lossd {
namespace {

struct TileFactory {
  int64_t parameter_cache_bytes;

  std::unique_ptr<Loss> operator()(const FeatureMapContrastiveConfig&) const { return MakeFeatureMapContrastive(); }
  std::unique_ptr<Loss> operator()(const CpcConfig&) const { return MakeCpc(parameter_cache_bytes); }
  std::unique_ptr<Loss> operator()(const SquaredNormConfig&) const { return MakeSquaredNorm(); }
};

}  // namespace

LossSet MakeTileLosses(int64_t parameter_cache_bytes) {
  return MakeLosses(MakeTileOperators(), TileFactory{parameter_cache_bytes});
}

std::unique_ptr<Loss> MakeTileLoss(const LossConfig& config) {
  return std::move(MakeTileLosses(/*parameter_cache_bytes=*/0)[config.index()]);
}

std::vector<LossDescription> LossRegistry::Describe() const {
  std::vector<LossDescription> descriptions;
  for (const std::unique_ptr<Loss>& loss : losses_) descriptions.push_back(loss->Describe());
  return descriptions;
}

}  // namespace lossd
