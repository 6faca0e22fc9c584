// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a contrast does with its scores and operands besides products: each sweep one pass of its own over all rows of
// all groups, one launch on a card.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_SWEEPS_H_
#define LOSSD_CORE_ENGINE_SWEEPS_SWEEPS_H_

#include <variant>

#include "core/engine/sweeps/label_sweep.h"
#include "core/engine/sweeps/map_sweep.h"
#include "core/engine/sweeps/operand_sweeps.h"
#include "core/engine/sweeps/pair_sweep.h"
#include "core/engine/sweeps/pair_tile_sweeps.h"
#include "core/engine/sweeps/round_sweep.h"
#include "core/engine/sweeps/sigmoid_sweep.h"
#include "core/engine/sweeps/step_sweep.h"

namespace lossd {

// Called with a block of threads for all groups [0, groups()) and all units [0, units()) of each. Pointers are those of
// the place where the sweep runs.
using Sweep =
    std::variant<NormSweep<float>, NormSweep<double>, NormSweep<float, double>, ScaleOfGroup, ScaledVectors<float>,
                 ScaledVectors<double>, ScaledVectors<float, double>, OperandGradient<float>, OperandGradient<double>,
                 OperandGradient<float, double>, PairSweep<float>, PairSweep<double>, PairTileSums<float>,
                 PairTileSums<double>, PairTileTotals<float>, PairTileTotals<double>, PairTerms<float>,
                 PairTerms<double>, LabelCounts, LabelSweep<float>, LabelSweep<double>, SigmoidSweep<float>,
                 SigmoidSweep<double>, MapSweep<float>, MapSweep<double>, StepSweep<float>, StepSweep<double>,
                 RoundSweep<float>, RoundSweep<double>>;

// Runs sweeps where a device computes. Thread-safe.
class Sweeps {
 public:
  virtual ~Sweeps() = default;
  // Runs the sweep after what the calling thread has asked the device for before: now, or in the order of the calling
  // thread's stream. Throws std::bad_alloc where the device has no memory for it, std::runtime_error where it does not
  // take it for another reason.
  virtual void Run(const Sweep& sweep) const = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_SWEEPS_H_
