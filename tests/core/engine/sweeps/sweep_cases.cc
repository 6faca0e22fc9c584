// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/engine/sweeps/sweep_cases.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace lossd::testing {
namespace {

constexpr size_t kMargin = 64;
constexpr std::byte kUntouched{0xa5};
constexpr int64_t kMostRows = 40;  // Of a block, where rows have nothing to do with each other.
constexpr int64_t kGroups = 2;
constexpr int64_t kManyGroups = 70'000;

template <typename T>
const char* TypeName() {
  return std::is_same_v<T, float> ? "float" : "double";
}

// Scores of `rows` rows from `first` on, whose gradient takes their place, or is rounded to a place of its own.
template <typename T>
ScoreBlock<T> Block(SweepArrays& arrays, int64_t rows, int64_t columns, int64_t first, int64_t all_rows,
                    bool narrow = false, int64_t groups = kGroups) {
  ScoreBlock<T> block;
  T* const scores = arrays.Draw<T>(groups * rows * columns);
  block.scores = scores;
  block.gradient.wide = narrow ? nullptr : scores;
  if (narrow) block.gradient.narrow = arrays.Room<uint16_t>(groups * rows * columns);
  block.groups = groups;
  block.rows = rows;
  block.columns = columns;
  block.first_row = first;
  block.all_rows = all_rows;
  block.scale.factors[0] = arrays.DrawPositive(groups);
  return block;
}

template <typename T>
std::vector<PairTerm<T>> Terms(int64_t count) {
  std::vector<PairTerm<T>> terms;
  for (int64_t i = 0; i < count; ++i) {
    const T some = static_cast<T>(i % 5 + 1) / 4;
    terms.push_back({4 + some, some, some / 16, -some});
  }
  return terms;
}

template <typename T, typename To>
Vectors<T> Rows(SweepArrays& arrays, int64_t width) {
  constexpr int64_t kRows = 3;
  return {arrays.Draw<T>(kGroups * (kRows * width + 1)), kRows * width + 1, kGroups, kRows, width};
}

// Elements of 16 bits.
Vectors<float> NarrowRows(SweepArrays& arrays, int64_t width, NarrowType type) {
  const Vectors<float> rows = Rows<float, float>(arrays, width);
  std::vector<uint16_t> narrow;
  for (int64_t i = 0; i < kGroups * rows.group_stride; ++i) {
    narrow.push_back(Rounded(type, static_cast<float>(i % 37 - 18) / 8));
  }
  return {nullptr, rows.group_stride, rows.groups, rows.rows, rows.width, arrays.Put(narrow), type};
}

void AddNarrowOperands(std::vector<SweepCase>& cases, int64_t n) {
  for (const NarrowType type : {NarrowType::kBFloat16, NarrowType::kFloat16}) {
    cases.push_back({absl::StrCat("NormSweep of ", type == NarrowType::kFloat16 ? "float16 " : "bfloat16 ", n),
                     [=](SweepArrays& arrays) {
                       return NormSweep<float>{NarrowRows(arrays, n, type),
                                               0.5,
                                               arrays.Room<double>(kGroups * 3),
                                               {arrays.Room<float>(kGroups * 3 * n)}};
                     }});
  }
}

template <typename T, typename To>
void AddOperands(std::vector<SweepCase>& cases, int64_t n) {
  const std::string name = absl::StrCat(TypeName<T>(), " to ", TypeName<To>(), " ", n);
  const auto count = [n] { return kGroups * 3 * n; };
  cases.push_back({"NormSweep " + name, [=](SweepArrays& arrays) {
                     return NormSweep<T, To>{
                         Rows<T, To>(arrays, n), 0.5, arrays.Room<double>(kGroups * 3), {arrays.Room<To>(count())}};
                   }});
  cases.push_back(
      {"NormSweep, rounded " + name, [=](SweepArrays& arrays) {
         return NormSweep<T, To>{
             Rows<T, To>(arrays, n), 0.5, arrays.Room<double>(kGroups * 3), {nullptr, arrays.Room<uint16_t>(count())}};
       }});
  cases.push_back(
      {"ScaledVectors " + name, [=](SweepArrays& arrays) {
         return ScaledVectors<T, To>{Rows<T, To>(arrays, n), arrays.DrawPositive(kGroups), {arrays.Room<To>(count())}};
       }});
  for (const bool by_norms : {true, false}) {
    cases.push_back(
        {absl::StrCat("OperandGradient ", by_norms ? "by norms " : "by scales ", name), [=](SweepArrays& arrays) {
           OperandGradient<T, To> sweep;
           sweep.vectors = Rows<T, To>(arrays, n);
           sweep.gradient = arrays.Draw<To>(count());
           (by_norms ? sweep.norms : sweep.scales) = arrays.DrawPositive(kGroups * 3);
           sweep.least = 0.5;
           sweep.factor.factors[2] = arrays.DrawPositive(kGroups);
           sweep.result = arrays.Room<T>(count());
           sweep.squares = arrays.Room<double>(kGroups * 3);
           sweep.along = arrays.Room<double>(kGroups * 3);
           return sweep;
         }});
  }
}

// The last rows of a problem of n.
template <typename T>
PairSweep<T> Pairs(SweepArrays& arrays, int64_t n, bool narrow, int64_t groups = kGroups) {
  const int64_t rows = std::min((n + 1) / 2, kMostRows);
  PairSweep<T> sweep;
  sweep.block = Block<T>(arrays, rows, n + 3, n - rows, n, narrow, groups);
  sweep.rule.share = 0.25;
  sweep.terms = arrays.Put(Terms<T>(groups * n));
  sweep.losses = arrays.Room<double>(groups * 3 * n);
  sweep.right = arrays.Room<double>(groups * 3 * n);
  sweep.numbers = 3;
  return sweep;
}

template <typename T>
void AddSimilarities(SweepArrays& arrays, const ScoreBlock<T>& block, PairRule<T>& rule) {
  rule.similarities = arrays.Draw<T>(block.groups * block.rows * block.columns);
  rule.bounds = arrays.Draw<T>(block.groups * block.all_rows);
}

template <typename T>
PairSums<T> SomeSums(T score) {
  const T run[kSweepRun] = {score, -INFINITY, score / 2, -INFINITY};
  PairSums<T> sums;
  sums.TakeRun(run, true);
  return sums;
}

// The last rows of a problem of n, by columns of which some are before the first row's pair, and some have none.
template <typename T>
PairTileSums<T> TileSums(SweepArrays& arrays, int64_t n, bool masked) {
  PairTileSums<T> sweep;
  const int64_t rows = (n + 1) / 2;
  const int64_t column = n / 4;
  sweep.block = Block<T>(arrays, rows, n + 3 - column, n - rows, n);
  sweep.block.first_column = column;
  sweep.block.gradient.wide = nullptr;
  if (masked) AddSimilarities(arrays, sweep.block, sweep.rule);
  sweep.rule.smoothing = masked ? 0.1 : 0;
  sweep.parts = PairTileParts<T>::Of(rows, sweep.block.columns, column, n);
  sweep.parts.of_rows = arrays.Room<PairSums<T>>(kGroups * sweep.parts.row_states());
  sweep.parts.of_columns = arrays.Room<PairSums<T>>(kGroups * sweep.parts.column_states());
  sweep.pair_scores = arrays.Room<double>(kGroups * n);
  return sweep;
}

template <typename T>
PairTileTotals<T> TileTotals(SweepArrays& arrays, int64_t n, bool first) {
  const auto some = [&](int64_t count) {
    std::vector<PairSums<T>> sums;
    for (int64_t i = 0; i < kGroups * count; ++i) sums.push_back(SomeSums<T>(static_cast<T>(i % 7) / 2));
    return arrays.Put(sums);
  };
  const int64_t row = first ? 0 : n / 2;
  const int64_t column = first ? 0 : n / 3;
  auto parts = PairTileParts<T>::Of(n - row, n + 3 - column, column, n);
  parts.of_rows = some(parts.row_states());
  parts.of_columns = some(parts.column_states());
  return {parts, kGroups, n, row, column, some(n), some(n)};
}

template <typename T>
void AddPairs(std::vector<SweepCase>& cases, int64_t n) {
  const std::string name = absl::StrCat(TypeName<T>(), " ", n);
  for (const bool narrow : {false, true}) {
    cases.push_back({absl::StrCat("PairSweep, smoothed", narrow ? ", rounded " : " ", name), [=](SweepArrays& arrays) {
                       PairSweep<T> sweep = Pairs<T>(arrays, n, narrow);
                       sweep.rule.smoothing = 0.1;
                       AddSimilarities(arrays, sweep.block, sweep.rule);
                       return sweep;
                     }});
  }
  cases.push_back({"PairSweep of views " + name, [=](SweepArrays& arrays) {
                     PairSweep<T> sweep = Pairs<T>(arrays, 2 * n, false);
                     sweep.rule.views = n;
                     sweep.rule.excludes_self = true;
                     sweep.rule.pair_in_denominator = false;
                     sweep.rule.pair_weights = arrays.DrawPositive(kGroups * 2 * n);
                     return sweep;
                   }});
  cases.push_back({"PairSweep with terms of columns " + name, [=](SweepArrays& arrays) {
                     PairSweep<T> sweep = Pairs<T>(arrays, n, false);
                     sweep.sums = false;
                     sweep.column_terms = arrays.Put(Terms<T>(kGroups * n));
                     AddSimilarities(arrays, sweep.block, sweep.rule);
                     return sweep;
                   }});
  for (const bool masked : {false, true}) {
    cases.push_back({absl::StrCat("PairTileSums", masked ? ", masked " : " ", name),
                     [=](SweepArrays& arrays) { return TileSums<T>(arrays, n, masked); }});
  }
  for (const bool first : {true, false}) {
    cases.push_back({absl::StrCat("PairTileTotals", first ? ", first " : " ", name),
                     [=](SweepArrays& arrays) { return TileTotals<T>(arrays, n, first); }});
  }
  cases.push_back({"PairTerms " + name, [=](SweepArrays& arrays) {
                     std::vector<PairSums<T>> sums(static_cast<size_t>(kGroups * n));
                     for (size_t i = 0; i < sums.size(); ++i) sums[i] = SomeSums<T>(static_cast<T>(i % 7) / 2);
                     PairTerms<T> sweep;
                     sweep.rule.share = 0.25;
                     sweep.rule.smoothing = 0.1;
                     sweep.group_count = kGroups;
                     sweep.all_rows = n;
                     sweep.sums = arrays.Put(sums);
                     sweep.pair_scores = arrays.Draw<double>(kGroups * n);
                     sweep.terms = arrays.Room<PairTerm<T>>(kGroups * n);
                     sweep.losses = arrays.Room<double>(kGroups * n);
                     sweep.right = arrays.Room<double>(kGroups * n);
                     return sweep;
                   }});
}

template <typename T>
LabelSweep<T> Labels(SweepArrays& arrays, int64_t n) {
  LabelSweep<T> sweep;
  const int64_t rows = std::min(n, kMostRows);
  sweep.block = Block<T>(arrays, rows, n, n - rows, n);
  const int64_t* const labels = arrays.DrawLabels(kGroups * n);
  sweep.labels = labels;
  std::vector<double> counts;
  for (int64_t i = 0; i < kGroups * n; ++i) counts.push_back(static_cast<double>(i % 3));
  sweep.counts = arrays.Put(counts);
  sweep.shares = arrays.DrawPositive(kGroups);
  sweep.losses = arrays.Room<double>(kGroups * n);
  return sweep;
}

template <typename T>
SigmoidSweep<T> Sigmoids(SweepArrays& arrays, int64_t n, bool narrow) {
  SigmoidSweep<T> sweep;
  const int64_t rows = std::min(n, kMostRows);
  sweep.block = Block<T>(arrays, rows, n, n - rows, n, narrow);
  sweep.biases = arrays.Draw<double>(kGroups);
  sweep.share = 0.25;
  sweep.losses = arrays.Room<double>(kGroups * n);
  sweep.slopes = arrays.Room<double>(kGroups * n);
  return sweep;
}

// Images of n locations.
template <typename T>
MapSweep<T> Maps(SweepArrays& arrays, int64_t n, double clip) {
  constexpr int64_t kImages = 5;
  MapSweep<T> sweep;
  sweep.block = Block<T>(arrays, 3, kImages * n, 2, kImages);
  sweep.locations = n;
  sweep.normalizer = 0.5;
  sweep.clip = clip;
  sweep.loss_weights = arrays.DrawPositive(kGroups);
  sweep.square_weights = clip == 0 ? nullptr : arrays.DrawPositive(kGroups);
  sweep.losses = arrays.Room<double>(kGroups * kImages);
  sweep.squares = arrays.Room<double>(kGroups * kImages);
  return sweep;
}

// Two images of five lines of n places: three steps of rows each. The rows of the block lie on both sides of where the
// second image begins.
template <typename T>
StepSweep<T> Steps(SweepArrays& arrays, int64_t n) {
  StepSweep<T> sweep;
  sweep.steps = 3;
  sweep.line = n;
  const int64_t all_rows = 2 * sweep.steps * n;
  const int64_t rows = std::min<int64_t>(all_rows, 12);
  sweep.block = Block<T>(arrays, rows, 2 * (sweep.steps + 2) * n, (all_rows - rows) / 2, all_rows);
  sweep.shares = arrays.DrawPositive(kGroups * sweep.steps);
  sweep.losses = arrays.Room<double>(kGroups * sweep.steps * all_rows);
  sweep.numbers = sweep.steps;
  sweep.margins = arrays.Room<double>(kGroups * all_rows * sweep.steps);
  return sweep;
}

template <typename T>
RoundSweep<T> Rounds(SweepArrays& arrays, int64_t n, NarrowType type) {
  RoundSweep<T> sweep{
      arrays.Draw<T>(kGroups * n), n, arrays.Room<uint16_t>(kGroups * (n + 1)), n + 1, type, kGroups, n, nullptr};
  sweep.seen = reinterpret_cast<RoundedSums*>(arrays.Room<double>(2 * kGroups * sweep.units()));
  return sweep;
}

template <typename T>
void AddOthers(std::vector<SweepCase>& cases, int64_t n) {
  const std::string name = absl::StrCat(TypeName<T>(), " ", n);
  cases.push_back({"LabelSweep " + name, [=](SweepArrays& arrays) { return Labels<T>(arrays, n); }});
  for (const bool narrow : {false, true}) {
    cases.push_back({absl::StrCat("SigmoidSweep", narrow ? ", rounded " : " ", name),
                     [=](SweepArrays& arrays) { return Sigmoids<T>(arrays, n, narrow); }});
  }
  for (const double clip : {0.0, 3.0}) {
    cases.push_back({absl::StrCat("MapSweep, clip ", clip, " ", name),
                     [=](SweepArrays& arrays) { return Maps<T>(arrays, n, clip); }});
  }
  for (const NarrowType type : {NarrowType::kBFloat16, NarrowType::kFloat16}) {
    cases.push_back({absl::StrCat("RoundSweep to ", type == NarrowType::kFloat16 ? "float16 " : "bfloat16 ", name),
                     [=](SweepArrays& arrays) { return Rounds<T>(arrays, 21 * n, type); }});
  }
  cases.push_back({"StepSweep " + name, [=](SweepArrays& arrays) { return Steps<T>(arrays, n); }});
}

void AddWithoutType(std::vector<SweepCase>& cases, int64_t n, int64_t groups) {
  cases.push_back({absl::StrCat("ScaleOfGroup ", n, " of ", groups), [=](SweepArrays& arrays) {
                     return ScaleOfGroup{groups, n, arrays.DrawPositive(groups * n), arrays.Room<double>(groups)};
                   }});
  cases.push_back({absl::StrCat("LabelCounts ", n, " of ", groups), [=](SweepArrays& arrays) {
                     return LabelCounts{groups, n, arrays.DrawLabels(groups * n), arrays.Room<double>(groups * n)};
                   }});
}

bool Close(double expected, double got, double allowed) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) && std::isnan(got);
  return expected == got || std::abs(expected - got) <= allowed;
}

}  // namespace

double* SweepArrays::DrawPositive(int64_t count) {
  std::vector<double> numbers(static_cast<size_t>(count));
  for (double& number : numbers) number = std::uniform_real_distribution<double>(0.01, 2)(random_);
  return Put(numbers);
}

int64_t* SweepArrays::DrawLabels(int64_t count) {
  std::vector<int64_t> labels(static_cast<size_t>(count));
  for (int64_t& label : labels) label = static_cast<int64_t>(random_() % 4);
  return Put(labels);
}

void SweepArrays::Append(std::vector<double>& all, uint16_t bfloat16) {
  const uint32_t bits = uint32_t{bfloat16} << 16;
  float number = 0;
  std::memcpy(&number, &bits, sizeof(number));
  all.push_back(static_cast<double>(number));
}

size_t SweepArrays::Begin(size_t bytes) {
  const size_t offset = (bytes_.size() + 2 * kMargin - 1) / kMargin * kMargin;
  bytes_.resize(offset + bytes + kMargin, kUntouched);
  return offset;
}

std::string SweepArrays::Difference(const std::vector<std::byte>& expected, const std::vector<std::byte>& got,
                                    Allowed allowed) const {
  for (size_t a = 0; a < arrays_.size(); ++a) {
    const Array& array = arrays_[a];
    const std::vector<double> want = array.numbers(expected.data() + array.offset, array.count);
    const std::vector<double> have = array.numbers(got.data() + array.offset, array.count);
    double largest = 0;
    for (const double number : want) {
      if (std::isfinite(number) && allowed == Allowed::kRounding) largest = std::max(largest, std::abs(number));
    }
    for (size_t i = 0; i < want.size(); ++i) {
      if (Close(want[i], have[i], array.precision * largest)) continue;
      return absl::StrCat("array ", a, ", number ", i, ": expected ", want[i], ", got ", have[i]);
    }
    const size_t next = a + 1 < arrays_.size() ? arrays_[a + 1].offset : bytes_.size();
    const auto begin = got.begin() + static_cast<std::ptrdiff_t>(array.offset + array.bytes);
    const auto end = got.begin() + static_cast<std::ptrdiff_t>(next);
    if (std::any_of(begin, end, [](std::byte one) { return one != kUntouched; })) {
      return absl::StrCat("array ", a, ": written beyond its end");
    }
  }
  return "";
}

std::vector<SweepCase> SweepCases(const std::vector<int64_t>& sizes) {
  std::vector<SweepCase> cases;
  for (const int64_t n : sizes) {
    AddWithoutType(cases, n, kGroups);
    AddOperands<float, float>(cases, n);
    AddOperands<double, double>(cases, n);
    AddOperands<float, double>(cases, n);
    AddNarrowOperands(cases, n);
    AddPairs<float>(cases, n);
    AddPairs<double>(cases, n);
    AddOthers<float>(cases, n);
    AddOthers<double>(cases, n);
  }
  AddWithoutType(cases, 3, kManyGroups);
  cases.push_back(
      {"PairSweep of many groups", [](SweepArrays& arrays) { return Pairs<float>(arrays, 3, false, kManyGroups); }});
  return cases;
}

}  // namespace lossd::testing
