// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/registry.h"

namespace lossd {

LossSet MakeTileLosses(int64_t parameter_cache_bytes) {
  return {MakeFeatureMapContrastive(), MakeCpc(parameter_cache_bytes), MakeNtXent(), MakeSquaredNorm()};
}

std::vector<LossDescription> LossRegistry::Describe() const {
  std::vector<LossDescription> descriptions;
  for (const std::unique_ptr<Loss>& loss : losses_) descriptions.push_back(loss->Describe());
  return descriptions;
}

}  // namespace lossd
