// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a contrastive loss is, stated once for every device and every implementation: scores of rows against columns,
// what belongs to what, and what is summed. A loss states it; how it is computed is the engine's business, by the
// pairs:
//
//   pairs                              on the processor     on devices
//   diagonal, next view, equal labels  contrast_tiles.h     core/losses/aten/contrast_terms.h, which streams blocks of
//   blocks                             contrast_maps.h      rows for all of them
//   steps                              contrast_steps.h
//
// Rows u_i and columns v_k are vectors of one width, divided by their norm where `normalize` says so. Scores are
// s_ik = clip tanh(x_ik / clip) of x_ik = scale <u_i, v_k> + bias. A row's columns are all that are left after
// exclusion.
//
// With a softmax term and one pair p(i) a row, n_i the log-sum-exp over the columns left without p(i):
//   row loss = softplus(n_i - s_ip(i)),  or  n_i - w_i s_ip(i) where the denominator has negatives alone
//   D_ip(i) = -sigmoid(n_i - s_ip(i)),  D_ik = exp(s_ik - log-sum-exp of the denominator) for the others
// and the loss is the mean over rows; with both sides, the mean of that and of the same for columns that have a pair.
// With blocks, a row's pairs are some columns P(i), as many for each row, and n_i is that over all others:
//   row loss = mean over p in P(i) of softplus(n_i - s_ip)
//   D_ip = -sigmoid(n_i - s_ip) / |P|,  D_ik = exp(s_ik - n_i) times the mean of those sigmoids
// With steps, pair p_j(i) of step j has a loss of its own, log-sum-exp of all columns - s_ip_j(i); a step's loss is the
// mean over the rows that have it, and the whole a weighted sum over steps (contrast_steps.h has the gradient).
// Entries of pairs are formed as minus the sum of the others, never as p - 1.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_H_
#define LOSSD_CORE_ENGINE_CONTRAST_H_

#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"

namespace lossd {

// Vectors that lie in one input of a request, [count, width], or that a loss makes of its inputs, such as those drawn
// from maps and the predictions of a network.
struct ContrastPart {
  static constexpr int kMade = -1;

  int input = kMade;
  int64_t count = 0;
};

// An operand: vectors one behind the other. Those of most losses are one part, and take no memory of their own.
using ContrastParts = absl::InlinedVector<ContrastPart, 1>;

inline int64_t CountOf(absl::Span<const ContrastPart> parts) {
  return std::accumulate(parts.begin(), parts.end(), int64_t{0},
                         [](int64_t sum, const ContrastPart& part) { return sum + part.count; });
}

// Takes column k != p(i) out of row i's denominator where g_ik is above g_ip(i) - margin, or with `relative` above
// g_ip(i) - |g_ip(i)| margin; columns' denominators likewise. g are cosines of guides, one for each row and column.
struct ContrastExclusion {
  std::vector<ContrastPart> rows;  // Guides; as the operands' parts in number and counts.
  std::vector<ContrastPart> columns;
  int64_t width = 0;
  bool relative = false;
  double margin = 0;
};

// A contrast. Immutable once stated; inputs are indices into a request's.
struct ContrastProblem {
  ContrastParts rows;
  ContrastParts columns;  // Empty: the rows themselves, and no row meets itself.
  int64_t width = 0;
  bool normalize = false;

  double scale = 1;
  double bias = 0;
  int scale_input = -1;  // The input that holds the scale, which then has a gradient; -1: none.
  int bias_input = -1;
  double clip = std::numeric_limits<double>::infinity();  // > 0; infinity clips nothing. With kBlocks alone.

  // What belongs to what:
  //   kDiagonal  column i to row i.
  //   kNextView  row i + half of all rows to row i.
  //   kLabels    all of equal label.
  //   kBlocks    columns [i line, (i + 1) line) to row i. The mean of all x^2 is a result as well.
  //   kSteps     Rows lie in stacks of `steps` lines of `line` vectors, columns in as many stacks, each of two lines
  //              more. To place x of line r (from 0) belongs, as its step j = 1 .. steps - r, the same place of line
  //              r + j + 1 of its stack.
  enum class Pairs { kDiagonal, kNextView, kLabels, kBlocks, kSteps };
  Pairs pairs = Pairs::kDiagonal;
  int labels_input = -1;  // INT32 or INT64, one a row.
  int64_t line = 1;
  int64_t steps = 0;

  // Softmax over a row's columns, or the sigmoid loss of every pair: the sum of softplus(-z s) over all, z = 1 for
  // pairs and -1 elsewhere, divided by the number of rows.
  enum class Term { kSoftmax, kSigmoid };
  Term term = Term::kSoftmax;
  bool pair_in_denominator = true;
  bool both_sides = false;  // With kDiagonal alone.
  double smoothing = 0;     // Share of a row's weight that lies evenly on all columns left. With kDiagonal alone.
  std::optional<ContrastExclusion> exclusion;  // With kDiagonal alone.
  // Weighs pairs by w_i = 2 - N softmax over the N rows of a view of <u_i, v_p(i)> / sigma, without gradient.
  std::optional<double> weight_sigma;

  bool symmetric() const { return columns.empty(); }
  int64_t row_count() const { return CountOf(rows); }
  int64_t column_count() const { return symmetric() ? row_count() : CountOf(columns); }
};

// Whether a problem is so small that float64 costs next to nothing: a float32 one is computed in it then, on every
// device. The fewer scores a mean is taken over, the less do their roundings cancel: these are the ones that need it.
bool GainsFromFloat64(const ContrastProblem& problem);

// Whether a problem is faster where products of bfloat16 are (gemm_precision.h): rounding smaller ones takes longer
// than it saves. Not of the losses over rows, of which nobody has measured a gain.
bool GainsFromBf16(const ContrastProblem& problem);

// At most so many floating-point operations of a contrast on the processor, with the gradients of so many operands: 0,
// 1 or 2.
double FlopsOf(const ContrastProblem& problem, int gradients);

// What a contrast amounts to.
struct ContrastResult {
  double loss = 0;
  double accuracy = 0;  // Share of rows with no column left whose score is above the pair's.
};

// Norms below this are taken to be this, as torch.nn.functional.normalize does.
inline constexpr double kNormEpsilon = 1e-12;

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_H_
