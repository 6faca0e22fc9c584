// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a contrastive loss over rows of vectors is, stated once for every device. Two contrasts are stated beside it,
// whose operands are no inputs of a request (vectors drawn from maps, predictions of a network) and whose rows have
// many positives each:
//
//   stated as          rows against columns, positives          on the processor    on devices (core/losses/aten)
//   ContrastProblem    inputs against inputs or themselves;     contrast_tiles.h    contrast.h
//                      diagonal, next view or equal labels
//   MapContrast        a vector an image against all locations  contrast_maps.h     map_contrast.h
//                      of maps; the own image's locations
//   StepContrast       lines against lines; one a step          contrast_steps.h    cpc_scores.h
//
// Scores are s_ik = scale <u_i, v_k> + bias of rows i and columns k, which are vectors of one width, divided by their
// norm where `normalize` says so. A row's columns are all that are left after exclusion. With a softmax term and one
// pair p(i) a row, n_i the log-sum-exp over the columns left without p(i):
//   row loss = softplus(n_i - s_ip(i)),  or  n_i - w_i s_ip(i) where the denominator has negatives alone
//   D_ip(i) = -sigmoid(n_i - s_ip(i)),  D_ik = exp(s_ik - log-sum-exp of the denominator) for the others
// and the loss is the mean over rows; with both sides, the mean of that and of the same for columns that have a pair.
// Entries of pairs are formed as minus the sum of the others, never as p - 1.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_H_
#define LOSSD_CORE_ENGINE_CONTRAST_H_

#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

namespace lossd {

// Rows that lie in one input of a request, [count, width].
struct ContrastPart {
  int input = 0;
  int64_t count = 0;
};

inline int64_t CountOf(const std::vector<ContrastPart>& parts) {
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
  std::vector<ContrastPart> rows;
  std::vector<ContrastPart> columns;  // Empty: the rows themselves, and no row meets itself.
  int64_t width = 0;
  bool normalize = false;

  double scale = 1;
  double bias = 0;
  int scale_input = -1;  // The input that holds the scale, which then has a gradient; -1: none.
  int bias_input = -1;

  // What belongs to what. Diagonal: column i to row i. Next view: row i + half of all rows. Labels: all of equal label.
  enum class Pairs { kDiagonal, kNextView, kLabels };
  Pairs pairs = Pairs::kDiagonal;
  int labels_input = -1;  // INT32 or INT64, one a row.

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

// Whether a problem is so small that float64 costs next to nothing. The fewer rows a loss is the mean of, the less do
// their roundings cancel: these are the ones that need it.
bool GainsFromFloat64(const ContrastProblem& problem);

// Floating-point operations of a contrast, with all gradients or with none.
double FlopsOf(const ContrastProblem& problem, bool gradients);

// What a contrast amounts to.
struct ContrastResult {
  double loss = 0;
  double accuracy = 0;  // Share of rows with no column left whose score is above the pair's.
};

// Norms below this are taken to be this, as torch.nn.functional.normalize does.
inline constexpr double kNormEpsilon = 1e-12;

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_H_
