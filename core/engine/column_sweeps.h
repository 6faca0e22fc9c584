// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps over columns of matrices of rows: sums over a column's elements, and columns that are centred or divided by
// their deviations. Everything is computed in double and, for a column, row after row, so that which columns are swept
// together changes no bit. Compiled for each instruction set and picked at run time, with Highway. Thread-safe where
// results differ.

#ifndef LOSSD_CORE_ENGINE_COLUMN_SWEEPS_H_
#define LOSSD_CORE_ENGINE_COLUMN_SWEEPS_H_

#include <cstdint>

namespace lossd {

// Columns [first, first + count) of matrices [rows, width]. Arrays of a column's numbers have `width` elements.
struct ColumnRun {
  int64_t rows;
  int64_t width;
  int64_t first;
  int64_t count;
};

// A matrix whose columns count as (x - mean - remainder) * inverse, subtracted and multiplied in this order; what is
// null is not subtracted (multiplied).
template <typename T>
struct CentredColumns {
  const T* data;
  const double* means = nullptr;
  const double* remainders = nullptr;
  const double* inverses = nullptr;
};

// Adds a column's elements to its sum.
void AddToSums(const ColumnRun& run, const CentredColumns<float>& columns, double* sums);
void AddToSums(const ColumnRun& run, const CentredColumns<double>& columns, double* sums);

// Adds the squares of a column's elements to its sum.
void AddSquaresToSums(const ColumnRun& run, const CentredColumns<float>& columns, double* sums);
void AddSquaresToSums(const ColumnRun& run, const CentredColumns<double>& columns, double* sums);

// Adds the squares of what a column's elements are from those of its partner.
void AddDistancesToSums(const ColumnRun& run, const CentredColumns<float>& columns, const CentredColumns<float>& others,
                        double* sums);
void AddDistancesToSums(const ColumnRun& run, const CentredColumns<double>& columns,
                        const CentredColumns<double>& others, double* sums);

// Adds the products of a column's elements with its weights' to its sum.
void AddProductsToSums(const ColumnRun& run, const CentredColumns<float>& columns, const float* weights, double* sums);
void AddProductsToSums(const ColumnRun& run, const CentredColumns<double>& columns, const double* weights,
                       double* sums);

// Writes a run of columns, rounded to T, to the same places of `out`.
void WriteColumns(const ColumnRun& run, const CentredColumns<float>& columns, float* out);
void WriteColumns(const ColumnRun& run, const CentredColumns<double>& columns, double* out);

// gradient = ((gradient - mean) - columns * along) * factor: back through columns of zero mean and unit length.
struct ProjectionColumns {
  const double* means;
  const double* alongs;
  const double* factors;
};
void ProjectGradient(const ColumnRun& run, const CentredColumns<float>& columns, const ProjectionColumns& projection,
                     float* gradient);
void ProjectGradient(const ColumnRun& run, const CentredColumns<double>& columns, const ProjectionColumns& projection,
                     double* gradient);

// gradient = (gradient * covariance + hinge * columns + distance * (data - other)) * weight. A factor of 0 takes its
// term out, whatever is in it; so does `hinges` null.
template <typename T>
struct CovarianceTerms {
  double covariance;
  const double* hinges;
  double distance;
  const T* other;
  double weight;
};
void FinishCovarianceGradient(const ColumnRun& run, const CentredColumns<float>& columns,
                              const CovarianceTerms<float>& terms, float* gradient);
void FinishCovarianceGradient(const ColumnRun& run, const CentredColumns<double>& columns,
                              const CovarianceTerms<double>& terms, double* gradient);

// The sum of the squares of `count` elements.
double SumOfSquares(int64_t count, const float* elements);
double SumOfSquares(int64_t count, const double* elements);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_COLUMN_SWEEPS_H_
