// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Every sweep with arrays to run it on, wherever these lie: so that what one place computes can be held against
// another.

#ifndef LOSSD_TESTS_CORE_ENGINE_SWEEPS_SWEEP_CASES_H_
#define LOSSD_TESTS_CORE_ENGINE_SWEEPS_SWEEP_CASES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "core/engine/sweeps/sweeps.h"

namespace lossd::testing {

// The arrays of a sweep, one after the other in a region that begins at `base`, which nothing here reads or writes: a
// place that runs the sweep has a copy of bytes() there. Not thread-safe.
class SweepArrays {
 public:
  explicit SweepArrays(std::byte* base) : base_(base) {}

  // An array of these elements, at its place in the region.
  template <typename T>
  T* Put(const std::vector<T>& elements) {
    const size_t offset = Begin(elements.size() * sizeof(T));
    if (!elements.empty()) std::memcpy(bytes_.data() + offset, elements.data(), elements.size() * sizeof(T));
    arrays_.push_back({offset, elements.size() * sizeof(T), elements.size(), &NumbersOf<T>, Precision<T>()});
    return reinterpret_cast<T*>(base_ + offset);
  }
  // Numbers between -2 and 2 (what is drawn depends on what was drawn before alone), and positive ones up to 2.
  template <typename T>
  T* Draw(int64_t count) {
    std::vector<T> numbers(static_cast<size_t>(count));
    for (T& number : numbers) number = static_cast<T>(std::uniform_real_distribution<double>(-2, 2)(random_));
    return Put(numbers);
  }
  double* DrawPositive(int64_t count);
  // Small whole numbers.
  int64_t* DrawLabels(int64_t count);
  // Zeros.
  template <typename T>
  T* Room(int64_t count) {
    return Put(std::vector<T>(static_cast<size_t>(count)));
  }

  const std::vector<std::byte>& bytes() const { return bytes_; }
  enum class Allowed { kRounding, kNothing };
  // Where two regions that sweeps have run on differ by more than is allowed, in words; empty: nowhere. Also where one
  // has been written to outside its arrays.
  std::string Difference(const std::vector<std::byte>& expected, const std::vector<std::byte>& got,
                         Allowed allowed = Allowed::kRounding) const;

 private:
  using Numbers = std::vector<double> (*)(const std::byte* array, size_t count);
  struct Array {
    size_t offset;
    size_t bytes;
    size_t count;
    Numbers numbers;
    double precision;  // Of the largest number of an array.
  };

  // The place of the next array, beyond a margin.
  size_t Begin(size_t bytes);

  static void Append(std::vector<double>& all, float number) { all.push_back(static_cast<double>(number)); }
  static void Append(std::vector<double>& all, double number) { all.push_back(number); }
  static void Append(std::vector<double>& all, int64_t number) { all.push_back(static_cast<double>(number)); }
  static void Append(std::vector<double>& all, uint16_t bfloat16);
  template <typename T>
  static void Append(std::vector<double>& all, const PairTerm<T>& term) {
    for (const T number : {term.maximum, term.weight, term.evenly, term.pair}) Append(all, number);
  }
  template <typename T>
  static void Append(std::vector<double>& all, const PairSums<T>& sums) {
    Append(all, sums.others.maximum);
    for (const double number : {sums.others.sum, sums.left, sums.score_sum}) Append(all, number);
  }
  template <typename T>
  static std::vector<double> NumbersOf(const std::byte* array, size_t count) {
    std::vector<double> all;
    for (size_t i = 0; i < count; ++i) {
      T element;
      std::memcpy(&element, array + i * sizeof(T), sizeof(T));
      Append(all, element);
    }
    return all;
  }
  // Numbers in double may have been computed from floats.
  template <typename T>
  static double Precision() {
    return std::is_same_v<T, uint16_t> ? 0x1p-7 : 1e-5;
  }

  std::byte* const base_;
  std::minstd_rand random_{1};
  std::vector<std::byte> bytes_;
  std::vector<Array> arrays_;
};

struct SweepCase {
  std::string name;
  std::function<Sweep(SweepArrays& arrays)> make;  // The same each time.
};

// What the arrays of a case hold, in memory of the host, when run(sweep) has run on them.
template <typename Run>
std::vector<std::byte> LeftBy(const SweepCase& one, const Run& run) {
  SweepArrays sizes(nullptr);
  one.make(sizes);
  std::vector<std::byte> region(sizes.bytes().size());
  SweepArrays arrays(region.data());
  const Sweep sweep = one.make(arrays);
  region = arrays.bytes();
  run(sweep);
  return region;
}

// Every sweep at rows, columns and widths of these sizes, and some with more than 65,535 groups.
std::vector<SweepCase> SweepCases(const std::vector<int64_t>& sizes);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_ENGINE_SWEEPS_SWEEP_CASES_H_
