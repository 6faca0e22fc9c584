// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/random/torch_generator.h"

#include <cmath>

namespace lossd {

float TorchGenerator::Uniform(float low, float high) { return std::fma(Rand(), high - low, low); }

}  // namespace lossd
