// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/column_sweeps.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

// Vectors of a length unknown to the compiler have no halves.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/engine/column_sweeps.cc"
#include "hwy/foreach_target.h"
// Highway wants these after foreach_target.h.
#include "core/engine/partial_vector-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

using Wide = hn::ScalableTag<double>;
using WideVector = hn::Vec<Wide>;
template <typename T>
using Narrow = hn::Rebind<T, Wide>;

// Some lanes of a vector: all of them unless they are the last of a run.
struct Lanes {
  int64_t count;
  bool all;
};

template <typename T>
HWY_INLINE WideVector LoadWide(const T* from, Lanes lanes) {
  const Narrow<T> d;
  const auto narrow = lanes.all ? hn::LoadU(d, from) : LoadFirst(d, from, static_cast<size_t>(lanes.count));
  if constexpr (std::is_same_v<T, double>) {
    return narrow;
  } else {
    return hn::PromoteTo(Wide(), narrow);
  }
}

template <typename T>
HWY_INLINE void StoreNarrow(WideVector v, T* to, Lanes lanes) {
  const Narrow<T> d;
  hn::Vec<Narrow<T>> narrow;
  if constexpr (std::is_same_v<T, double>) {
    narrow = v;
  } else {
    narrow = hn::DemoteTo(d, v);
  }
  if (lanes.all) {
    hn::StoreU(narrow, d, to);
  } else {
    StoreFirst(d, narrow, to, static_cast<size_t>(lanes.count));
  }
}

// Calls body(index of an element, its column, lanes) for vectors of neighbouring columns, row after row.
template <typename Body>
HWY_INLINE void ForVectors(const ColumnRun& run, const Body& body) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Wide()));
  const int64_t end = run.first + run.count;
  const int64_t whole = end - run.count % lanes;
  for (int64_t row = 0; row < run.rows * run.width; row += run.width) {
    for (int64_t d = run.first; d < whole; d += lanes) body(row + d, d, Lanes{lanes, true});
    if (whole < end) body(row + whole, whole, Lanes{end - whole, false});
  }
}

template <typename T>
HWY_INLINE WideVector Centred(const CentredColumns<T>& columns, int64_t i, int64_t d, Lanes lanes) {
  WideVector x = LoadWide(columns.data + i, lanes);
  if (columns.means != nullptr) x = hn::Sub(x, LoadWide(columns.means + d, lanes));
  if (columns.remainders != nullptr) x = hn::Sub(x, LoadWide(columns.remainders + d, lanes));
  if (columns.inverses != nullptr) x = hn::Mul(x, LoadWide(columns.inverses + d, lanes));
  return x;
}

// Adds term(index, column, lanes) to the column's sum.
template <typename Term>
HWY_INLINE void AddTerms(const ColumnRun& run, double* sums, const Term& term) {
  ForVectors(run, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR {
    StoreNarrow(hn::Add(LoadWide(sums + d, lanes), term(i, d, lanes)), sums + d, lanes);
  });
}

template <typename T>
void Sums(const ColumnRun& run, const CentredColumns<T>& columns, double* sums) {
  AddTerms(run, sums, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR { return Centred(columns, i, d, lanes); });
}

template <typename T>
void Squares(const ColumnRun& run, const CentredColumns<T>& columns, double* sums) {
  AddTerms(run, sums, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR {
    const WideVector x = Centred(columns, i, d, lanes);
    return hn::Mul(x, x);
  });
}

template <typename T>
void Distances(const ColumnRun& run, const CentredColumns<T>& columns, const CentredColumns<T>& others, double* sums) {
  AddTerms(run, sums, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR {
    const WideVector x = hn::Sub(Centred(columns, i, d, lanes), Centred(others, i, d, lanes));
    return hn::Mul(x, x);
  });
}

template <typename T>
void Products(const ColumnRun& run, const CentredColumns<T>& columns, const T* weights, double* sums) {
  AddTerms(run, sums, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR {
    return hn::Mul(LoadWide(weights + i, lanes), Centred(columns, i, d, lanes));
  });
}

template <typename T>
void Write(const ColumnRun& run, const CentredColumns<T>& columns, T* out) {
  ForVectors(run, [&](int64_t i, int64_t d, Lanes lanes)
                      HWY_ATTR { StoreNarrow(Centred(columns, i, d, lanes), out + i, lanes); });
}

template <typename T>
void Project(const ColumnRun& run, const CentredColumns<T>& columns, const ProjectionColumns& projection, T* gradient) {
  ForVectors(run, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR {
    const WideVector centred = hn::Sub(LoadWide(gradient + i, lanes), LoadWide(projection.means + d, lanes));
    const WideVector along = hn::Mul(Centred(columns, i, d, lanes), LoadWide(projection.alongs + d, lanes));
    StoreNarrow(hn::Mul(hn::Sub(centred, along), LoadWide(projection.factors + d, lanes)), gradient + i, lanes);
  });
}

template <typename T>
void Covariance(const ColumnRun& run, const CentredColumns<T>& columns, const CovarianceTerms<T>& terms, T* gradient) {
  const Wide wide;
  ForVectors(run, [&](int64_t i, int64_t d, Lanes lanes) HWY_ATTR {
    WideVector sum = hn::Zero(wide);
    if (terms.covariance != 0) sum = hn::Mul(hn::Set(wide, terms.covariance), LoadWide(gradient + i, lanes));
    if (terms.hinges != nullptr) {
      sum = hn::Add(sum, hn::Mul(LoadWide(terms.hinges + d, lanes), Centred(columns, i, d, lanes)));
    }
    if (terms.distance != 0) {
      const WideVector apart = hn::Sub(LoadWide(columns.data + i, lanes), LoadWide(terms.other + i, lanes));
      sum = hn::Add(sum, hn::Mul(hn::Set(wide, terms.distance), apart));
    }
    StoreNarrow(hn::Mul(sum, hn::Set(wide, terms.weight)), gradient + i, lanes);
  });
}

// In eight sums, whatever vectors hold, so that all targets add alike.
template <typename T>
double AllSquares(int64_t count, const T* elements) {
  constexpr int64_t kSums = 8;
  HWY_ALIGN double sums[kSums] = {};
  AddTerms({count / kSums, kSums, 0, kSums}, sums, [&](int64_t i, int64_t, Lanes lanes) HWY_ATTR {
    const WideVector x = LoadWide(elements + i, lanes);
    return hn::Mul(x, x);
  });
  for (int64_t i = count - count % kSums; i < count; ++i) {
    sums[i % kSums] += static_cast<double>(elements[i]) * static_cast<double>(elements[i]);
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

void SumsFloat(const ColumnRun& run, const CentredColumns<float>& columns, double* sums) { Sums(run, columns, sums); }
void SumsDouble(const ColumnRun& run, const CentredColumns<double>& columns, double* sums) { Sums(run, columns, sums); }
void SquaresFloat(const ColumnRun& run, const CentredColumns<float>& columns, double* sums) {
  Squares(run, columns, sums);
}
void SquaresDouble(const ColumnRun& run, const CentredColumns<double>& columns, double* sums) {
  Squares(run, columns, sums);
}
void DistancesFloat(const ColumnRun& run, const CentredColumns<float>& columns, const CentredColumns<float>& others,
                    double* sums) {
  Distances(run, columns, others, sums);
}
void DistancesDouble(const ColumnRun& run, const CentredColumns<double>& columns, const CentredColumns<double>& others,
                     double* sums) {
  Distances(run, columns, others, sums);
}
void ProductsFloat(const ColumnRun& run, const CentredColumns<float>& columns, const float* weights, double* sums) {
  Products(run, columns, weights, sums);
}
void ProductsDouble(const ColumnRun& run, const CentredColumns<double>& columns, const double* weights, double* sums) {
  Products(run, columns, weights, sums);
}
void WriteFloat(const ColumnRun& run, const CentredColumns<float>& columns, float* out) { Write(run, columns, out); }
void WriteDouble(const ColumnRun& run, const CentredColumns<double>& columns, double* out) { Write(run, columns, out); }
void ProjectFloat(const ColumnRun& run, const CentredColumns<float>& columns, const ProjectionColumns& projection,
                  float* gradient) {
  Project(run, columns, projection, gradient);
}
void ProjectDouble(const ColumnRun& run, const CentredColumns<double>& columns, const ProjectionColumns& projection,
                   double* gradient) {
  Project(run, columns, projection, gradient);
}
void CovarianceFloat(const ColumnRun& run, const CentredColumns<float>& columns, const CovarianceTerms<float>& terms,
                     float* gradient) {
  Covariance(run, columns, terms, gradient);
}
void CovarianceDouble(const ColumnRun& run, const CentredColumns<double>& columns, const CovarianceTerms<double>& terms,
                      double* gradient) {
  Covariance(run, columns, terms, gradient);
}
double AllSquaresFloat(int64_t count, const float* elements) { return AllSquares(count, elements); }
double AllSquaresDouble(int64_t count, const double* elements) { return AllSquares(count, elements); }

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lossd {
namespace {
HWY_EXPORT(SumsFloat);
HWY_EXPORT(SumsDouble);
HWY_EXPORT(SquaresFloat);
HWY_EXPORT(SquaresDouble);
HWY_EXPORT(DistancesFloat);
HWY_EXPORT(DistancesDouble);
HWY_EXPORT(ProductsFloat);
HWY_EXPORT(ProductsDouble);
HWY_EXPORT(WriteFloat);
HWY_EXPORT(WriteDouble);
HWY_EXPORT(ProjectFloat);
HWY_EXPORT(ProjectDouble);
HWY_EXPORT(CovarianceFloat);
HWY_EXPORT(CovarianceDouble);
HWY_EXPORT(AllSquaresFloat);
HWY_EXPORT(AllSquaresDouble);
}  // namespace

void AddToSums(const ColumnRun& run, const CentredColumns<float>& columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(SumsFloat)(run, columns, sums);
}
void AddToSums(const ColumnRun& run, const CentredColumns<double>& columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(SumsDouble)(run, columns, sums);
}
void AddSquaresToSums(const ColumnRun& run, const CentredColumns<float>& columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(SquaresFloat)(run, columns, sums);
}
void AddSquaresToSums(const ColumnRun& run, const CentredColumns<double>& columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(SquaresDouble)(run, columns, sums);
}
void AddDistancesToSums(const ColumnRun& run, const CentredColumns<float>& columns, const CentredColumns<float>& others,
                        double* sums) {
  HWY_DYNAMIC_DISPATCH(DistancesFloat)(run, columns, others, sums);
}
void AddDistancesToSums(const ColumnRun& run, const CentredColumns<double>& columns,
                        const CentredColumns<double>& others, double* sums) {
  HWY_DYNAMIC_DISPATCH(DistancesDouble)(run, columns, others, sums);
}
void AddProductsToSums(const ColumnRun& run, const CentredColumns<float>& columns, const float* weights, double* sums) {
  HWY_DYNAMIC_DISPATCH(ProductsFloat)(run, columns, weights, sums);
}
void AddProductsToSums(const ColumnRun& run, const CentredColumns<double>& columns, const double* weights,
                       double* sums) {
  HWY_DYNAMIC_DISPATCH(ProductsDouble)(run, columns, weights, sums);
}
void WriteColumns(const ColumnRun& run, const CentredColumns<float>& columns, float* out) {
  HWY_DYNAMIC_DISPATCH(WriteFloat)(run, columns, out);
}
void WriteColumns(const ColumnRun& run, const CentredColumns<double>& columns, double* out) {
  HWY_DYNAMIC_DISPATCH(WriteDouble)(run, columns, out);
}
void ProjectGradient(const ColumnRun& run, const CentredColumns<float>& columns, const ProjectionColumns& projection,
                     float* gradient) {
  HWY_DYNAMIC_DISPATCH(ProjectFloat)(run, columns, projection, gradient);
}
void ProjectGradient(const ColumnRun& run, const CentredColumns<double>& columns, const ProjectionColumns& projection,
                     double* gradient) {
  HWY_DYNAMIC_DISPATCH(ProjectDouble)(run, columns, projection, gradient);
}
void FinishCovarianceGradient(const ColumnRun& run, const CentredColumns<float>& columns,
                              const CovarianceTerms<float>& terms, float* gradient) {
  HWY_DYNAMIC_DISPATCH(CovarianceFloat)(run, columns, terms, gradient);
}
void FinishCovarianceGradient(const ColumnRun& run, const CentredColumns<double>& columns,
                              const CovarianceTerms<double>& terms, double* gradient) {
  HWY_DYNAMIC_DISPATCH(CovarianceDouble)(run, columns, terms, gradient);
}
double SumOfSquares(int64_t count, const float* elements) {
  return HWY_DYNAMIC_DISPATCH(AllSquaresFloat)(count, elements);
}
double SumOfSquares(int64_t count, const double* elements) {
  return HWY_DYNAMIC_DISPATCH(AllSquaresDouble)(count, elements);
}

}  // namespace lossd
#endif  // HWY_ONCE
