// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps over the vectors that are contrasted: their norms, the form in which products read them, and the way back of
// their gradients (core/losses/aten/row_stack.h).

#ifndef LOSSD_CORE_ENGINE_SWEEPS_OPERAND_SWEEPS_H_
#define LOSSD_CORE_ENGINE_SWEEPS_OPERAND_SWEEPS_H_

#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// The largest, and NaN where there is one.
struct Largest {
  double number = 0;

  LOSSD_HOST_DEVICE void Take(double one) {
    if (!(one <= number)) number = one;
  }
  LOSSD_HOST_DEVICE void Add(const Largest& other) {
    if (number == number) Take(other.number);
  }
};

// Vectors of all groups, [groups, rows, width]: those of a group lie side by side, groups so many elements apart. What
// is made of them lies without such gaps. Elements of 16 bits are read as the float32 that they are: of the two
// pointers one is set.
template <typename T>
struct Vectors {
  const T* elements = nullptr;
  int64_t group_stride = 0;
  int64_t groups = 0;
  int64_t rows = 0;
  int64_t width = 0;
  const uint16_t* narrow = nullptr;
  NarrowType type = NarrowType::kBFloat16;

  // Where a vector begins.
  LOSSD_HOST_DEVICE int64_t Row(int64_t group, int64_t row) const { return group * group_stride + row * width; }
  LOSSD_HOST_DEVICE double Element(int64_t place) const {
    return narrow == nullptr ? static_cast<double>(elements[place]) : static_cast<double>(Widened(type, narrow[place]));
  }
  LOSSD_HOST_DEVICE int64_t Place(int64_t group, int64_t row) const { return (group * rows + row) * width; }
};

// One vector: its norm, also where squares leave the range of doubles, and, if wanted, the vector divided by it.
template <typename T, typename To = T>
struct NormSweep {
  Vectors<T> vectors;
  double least = 0;            // Smaller norms are taken to be this.
  double* norms = nullptr;     // [groups, rows]
  Destination<To> normalized;  // [groups, rows, width]; to nowhere where that is not wanted.

  int64_t units() const { return vectors.rows; }
  int64_t groups() const { return vectors.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const int64_t vector = vectors.Row(group, row);
    const int64_t place = vectors.Place(group, row);
    const auto element = [&](int64_t d) { return vectors.Element(vector + d); };
    const Largest largest = threads.template Reduce<Largest>(
        vectors.width, [&](Largest& state, int64_t d) { state.Take(std::fabs(element(d))); });
    const double scale = largest.number == 0 ? 1 : largest.number;
    const Total squares = threads.template Reduce<Total>(vectors.width, [&](Total& state, int64_t d) {
      const double part = element(d) / scale;
      state.sum += part * part;
    });
    const double norm = std::sqrt(squares.sum) * scale;
    threads.Once([&] { norms[group * vectors.rows + row] = norm; });
    if (normalized.wide == nullptr && normalized.narrow == nullptr) return;
    const double divisor = norm < least ? least : norm;
    threads.ForEach(vectors.width,
                    [&](int64_t d) { normalized.Write(place + d, static_cast<To>(element(d) / divisor)); });
  }
};

// A group: the power of two that is not above the largest norm, or 1 where that is 0 or not finite.
struct ScaleOfGroup {
  int64_t group_count = 0;
  int64_t rows = 0;
  const double* norms = nullptr;  // [groups, rows]
  double* scales = nullptr;       // [groups]

  int64_t units() const { return 1; }
  int64_t groups() const { return group_count; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t) const {
    const Largest largest = threads.template Reduce<Largest>(
        rows, [&](Largest& state, int64_t row) { state.Take(norms[group * rows + row]); });
    threads.Once([&] {
      const double norm = largest.number;
      const bool usable = norm > 0 && norm <= 0x1.fffffffffffffp1023;
      scales[group] = usable ? std::ldexp(1.0, std::ilogb(norm)) : 1;
    });
  }
};

// One vector, divided by its group's scale.
template <typename T, typename To = T>
struct ScaledVectors {
  Vectors<T> vectors;
  const double* scales = nullptr;  // [groups]
  Destination<To> scaled;

  int64_t units() const { return vectors.rows; }
  int64_t groups() const { return vectors.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const int64_t vector = vectors.Row(group, row);
    const int64_t place = vectors.Place(group, row);
    const double scale = scales[group];
    threads.ForEach(vectors.width,
                    [&](int64_t d) { scaled.Write(place + d, static_cast<To>(vectors.Element(vector + d) / scale)); });
  }
};

// One vector x, of which `gradient` is the gradient by the vector u that products read: x over its norm, or over its
// group's scale. Writes that by x, times the factor.
template <typename T, typename Sum = T>
struct OperandGradient {
  Vectors<T> vectors;
  const Sum* gradient = nullptr;   // [groups, rows, width]
  const double* norms = nullptr;   // [groups, rows]; null where vectors were divided by scales.
  const double* scales = nullptr;  // [groups]; null where they were divided by norms.
  double least = 0;                // As in NormSweep.
  GroupProduct factor;
  T* result = nullptr;        // As the gradient, which it may be where it is of the same type.
  double* squares = nullptr;  // [groups, rows]: of the result.
  double* along = nullptr;    // [groups, rows]: <u, gradient>

  int64_t units() const { return vectors.rows; }
  int64_t groups() const { return vectors.groups; }

  template <typename Block>
  LOSSD_HOST_DEVICE void operator()(const Block& threads, int64_t group, int64_t row) const {
    const int64_t vector = vectors.Row(group, row);
    const int64_t place = vectors.Place(group, row);
    const int64_t number = group * vectors.rows + row;
    const double norm = norms == nullptr ? scales[group] : norms[number];
    const double divisor = norms != nullptr && norm < least ? least : norm;
    const auto unit = [&](int64_t d) { return vectors.Element(vector + d) / divisor; };
    const Total dot = threads.template Reduce<Total>(vectors.width, [&](Total& state, int64_t d) {
      state.sum += unit(d) * static_cast<double>(gradient[place + d]);
    });
    const double all = factor.Of(group);
    const bool turns = norms != nullptr && !(norm < least);
    const Total sum = threads.template Reduce<Total>(vectors.width, [&](Total& state, int64_t d) {
      double one = static_cast<double>(gradient[place + d]);
      if (turns) one -= unit(d) * dot.sum;
      if (norms != nullptr) one /= divisor;
      const T rounded = static_cast<T>(one * all);
      result[place + d] = rounded;
      state.sum += static_cast<double>(rounded) * static_cast<double>(rounded);
    });
    threads.Once([&] {
      squares[number] = sum.sum;
      along[number] = dot.sum;
    });
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_OPERAND_SWEEPS_H_
