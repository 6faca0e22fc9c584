// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_sides.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lossd {

double Softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

namespace {

// One row while it is finished.
template <typename T>
class Row {
 public:
  Row(const ContrastProblem& problem, const ContrastSide<T>& side, int64_t i, double share)
      : problem_(problem),
        side_(side),
        i_(i),
        share_(share),
        sum_(side.sums[i]),
        maximum_(static_cast<double>(side.maxima[i])) {}

  // One pair.
  double FinishPair(int64_t columns) {
    const auto pair = static_cast<double>(side_.pairs[i_]);
    if (!problem_.pair_in_denominator) return FinishNegatives(pair);
    const double distance = pair - maximum_;
    // A row without others loses nothing, but shows a NaN.
    const double nothing = std::isnan(distance) ? distance : 0;
    const double sigmoid = sum_ == 0 ? nothing : sum_ / (sum_ + std::exp(distance));
    double loss = sum_ == 0 ? nothing : Softplus(std::log(sum_) - distance);
    side_.weights[i_] = sum_ == 0 ? T{0} : static_cast<T>(share_ * sigmoid / sum_);
    side_.pair_weights[i_] = share_ * sigmoid;
    if (problem_.smoothing != 0) loss = Smooth(columns, pair, loss, sigmoid);
    MakeMaximumFinite();
    return share_ * loss;
  }

  // Any number of positives.
  double FinishLabels() {
    const int64_t positives = side_.positives[i_];
    const auto positive_maximum = static_cast<double>(side_.positive_maxima[i_]);
    const double larger = std::max(maximum_, positive_maximum);
    const double negative = sum_ == 0 ? 0 : sum_ * std::exp(maximum_ - larger);
    const double positive = positives == 0 ? 0 : side_.positive_sums[i_] * std::exp(positive_maximum - larger);
    const double total = negative + positive;
    const double weight = positives == 0 ? 0 : share_ / total;
    side_.maxima[i_] = static_cast<T>(larger);
    MakeMaximumFinite();
    side_.weights[i_] = static_cast<T>(weight);
    // A lone positive's entry is minus the sum of the others.
    side_.positive_weights[i_] = positives == 1 ? T{0} : static_cast<T>(weight);
    side_.positive_offsets[i_] = static_cast<T>(positives == 0   ? 0
                                                : positives == 1 ? weight * negative
                                                                 : share_ / static_cast<double>(positives));
    if (positives == 0) return 0;
    if (positives == 1 && negative > 0) return share_ * Softplus(std::log(negative) + larger - positive_maximum);
    return share_ * (larger + std::log(total) - side_.score_sums[i_] / static_cast<double>(positives));
  }

 private:
  // Exponentials are relative to a finite number also where nothing was entered.
  void MakeMaximumFinite() {
    if (side_.maxima[i_] == -std::numeric_limits<T>::infinity()) side_.maxima[i_] = 0;
  }

  double FinishNegatives(double pair) {
    const double factor = side_.factors == nullptr ? 1 : side_.factors[i_];
    side_.weights[i_] = static_cast<T>(share_ / sum_);
    side_.pair_weights[i_] = share_ * factor;
    return share_ * (std::log(sum_) + maximum_ - factor * pair);
  }

  double Smooth(int64_t columns, double pair, double loss, double sigmoid) {
    const double e = problem_.smoothing;
    const auto left = static_cast<double>(columns - (side_.removed == nullptr ? 0 : side_.removed[i_]));
    const double evenly = share_ * e / left;
    side_.evenly[i_] = static_cast<T>(evenly);
    side_.pair_weights[i_] = share_ * ((1 - e) * sigmoid - e * (1 - sigmoid)) + evenly;
    return loss + e * (pair - (side_.score_sums[i_] + pair) / left);
  }

  const ContrastProblem& problem_;
  const ContrastSide<T>& side_;
  const int64_t i_;
  const double share_;
  const double sum_;
  const double maximum_;
};

}  // namespace

template <typename T>
ContrastSide<T> LayOutSide(const ContrastProblem& problem, int64_t count, Workspace& workspace) {
  const int64_t all = count + kSweepPadding;
  ContrastSide<T> side;
  side.count = count;
  side.maxima = workspace.Take<T>(all);
  side.sums = workspace.Take<double>(all);
  side.weights = workspace.Take<T>(all);
  const bool labels = problem.pairs == ContrastProblem::Pairs::kLabels;
  if (!labels) side.pairs = workspace.Take<T>(all);
  if (!labels) side.pair_weights = workspace.Take<double>(all);
  if (problem.weight_sigma.has_value()) side.factors = workspace.Take<double>(all);
  if (labels || problem.smoothing != 0) side.score_sums = workspace.Take<double>(all);
  if (problem.smoothing != 0) side.evenly = workspace.Take<T>(all);
  if (problem.exclusion.has_value()) side.removed = workspace.Take<int64_t>(all);
  if (labels) {
    side.positive_maxima = workspace.Take<T>(all);
    side.positive_sums = workspace.Take<double>(all);
    side.positives = workspace.Take<int64_t>(all);
    side.positive_weights = workspace.Take<T>(all);
    side.positive_offsets = workspace.Take<T>(all);
  }
  return side;
}

template <typename T>
void ClearSide(const ContrastSide<T>& side) {
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  std::fill_n(side.maxima, side.count, kLowest);
  std::fill_n(side.sums, side.count, 0.0);
  if (side.score_sums != nullptr) std::fill_n(side.score_sums, side.count, 0.0);
  if (side.removed != nullptr) std::fill_n(side.removed, side.count, int64_t{0});
  if (side.positive_maxima != nullptr) std::fill_n(side.positive_maxima, side.count, kLowest);
  if (side.positive_sums != nullptr) std::fill_n(side.positive_sums, side.count, 0.0);
}

template <typename T>
void WeighPairs(const ContrastSide<T>& side, const double* similarities, int64_t views, double sigma) {
  const int64_t rows = side.count / views;
  for (int64_t first = 0; first < side.count; first += rows) {
    const double largest = *std::max_element(similarities + first, similarities + first + rows);
    double sum = 0;
    for (int64_t i = first; i < first + rows; ++i) {
      side.factors[i] = std::exp((similarities[i] - largest) / sigma);
      sum += side.factors[i];
    }
    for (int64_t i = first; i < first + rows; ++i)
      side.factors[i] = 2 - static_cast<double>(rows) * side.factors[i] / sum;
  }
}

template <typename T>
double FinishSide(const ContrastProblem& problem, const ContrastSide<T>& side, int64_t columns, double share) {
  double loss = 0;
  for (int64_t i = 0; i < side.count; ++i) {
    Row<T> row(problem, side, i, share);
    loss += side.positives != nullptr ? row.FinishLabels() : row.FinishPair(columns);
  }
  return loss;
}

template <typename T>
double AccuracyOf(const ContrastSide<T>& side) {
  int64_t right = 0;
  for (int64_t i = 0; i < side.count; ++i) right += side.maxima[i] <= side.pairs[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(side.count);
}

template ContrastSide<float> LayOutSide(const ContrastProblem& problem, int64_t count, Workspace& workspace);
template ContrastSide<double> LayOutSide(const ContrastProblem& problem, int64_t count, Workspace& workspace);
template void ClearSide(const ContrastSide<float>& side);
template void ClearSide(const ContrastSide<double>& side);
template void WeighPairs(const ContrastSide<float>& side, const double* similarities, int64_t views, double sigma);
template void WeighPairs(const ContrastSide<double>& side, const double* similarities, int64_t views, double sigma);
template double FinishSide(const ContrastProblem& problem, const ContrastSide<float>& side, int64_t columns,
                           double share);
template double FinishSide(const ContrastProblem& problem, const ContrastSide<double>& side, int64_t columns,
                           double share);
template double AccuracyOf(const ContrastSide<float>& side);
template double AccuracyOf(const ContrastSide<double>& side);

}  // namespace lossd
