// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC's contrast as the engine has it (core/engine/contrast.h): rows are predictions, columns the targets of the whole
// batch, and the pairs are steps. The target of step i of a prediction lies i + 1 rows below in the same column of the
// same image, and the context has not seen it: it has seen the row below.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_CONTRAST_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_CONTRAST_H_

#include <cstdint>

#include "core/engine/contrast.h"

namespace lossd {

// The sizes of the contrast of one request. Preconditions: extents above 0, height >= 3; products do not overflow (the
// plan has checked both). Rows of the maps are numbered from 0, steps from 1.
struct CpcContrastShape {
  int64_t batch;   // B
  int64_t height;  // h >= 3
  int64_t width;   // w
  int64_t dim;     // D: elements of a prediction, and of a target.

  int64_t steps() const { return height - 2; }                     // i = 1 .. steps.
  int64_t predictions() const { return steps() * width * batch; }  // Rows 0 .. h - 3.
  // All of them are columns, also those that are the target of no prediction: negatives of every row.
  int64_t targets() const { return height * width * batch; }
  // n_i: the predictions that have a target of step i. 1 <= i <= steps().
  int64_t step_predictions(int64_t i) const { return batch * (height - i - 1) * width; }

  // The engine's problem, whose scores are embed_scale times the products, for operands [predictions(), dim] and
  // [targets(), dim].
  //
  // With predictions and targets in order [r][x][b]: a line is a row of the maps of all images.
  ContrastProblem InLines(double embed_scale) const { return Stated(width * batch, embed_scale); }
  // In order [b][r][x]: each image is a stack of lines.
  ContrastProblem InStacks(double embed_scale) const { return Stated(width, embed_scale); }

 private:
  ContrastProblem Stated(int64_t line, double embed_scale) const {
    ContrastProblem problem;
    problem.rows = {{.count = predictions()}};
    problem.columns = {{.count = targets()}};
    problem.width = dim;
    problem.scale = embed_scale;
    problem.pairs = ContrastProblem::Pairs::kSteps;
    problem.line = line;
    problem.steps = steps();
    return problem;
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_CONTRAST_H_
