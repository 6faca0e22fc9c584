// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The operators on the processor, in tiles. Problems of few rows in float32 are computed in float64.

#ifndef LOSSD_CORE_LOSSES_TILE_OPERATORS_H_
#define LOSSD_CORE_LOSSES_TILE_OPERATORS_H_

#include <memory>

#include "core/losses/operator_loss.h"

namespace lossd {

// Runs the tasks of a batch side by side, each on as many threads as help.
std::shared_ptr<const Operators> MakeTileOperators();

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_TILE_OPERATORS_H_
