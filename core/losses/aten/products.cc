// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/products.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <cstdint>

#include "core/engine/short_sums.h"

namespace lossd::aten {
namespace {

// Products of bfloat16 that are written as they were summed, in float32. LibTorch has them for cards, and later
// versions than the oldest that this is built with: they are looked up by name.
using MultiplyInto = at::Tensor(const at::Tensor& left, const at::Tensor& right, at::ScalarType type);
using AddProductInto = at::Tensor&(const at::Tensor& sum, const at::Tensor& left, const at::Tensor& right,
                                   at::ScalarType type, const at::Scalar& beta, const at::Scalar& alpha,
                                   at::Tensor& result);

constexpr char kMultiply[] = "aten::bmm";
constexpr char kMultiplyNarrow[] = "dtype";
constexpr char kAddProduct[] = "aten::baddbmm";
constexpr char kAddProductNarrow[] = "dtype_out";

template <typename Function>
const c10::TypedOperatorHandle<Function>& Operation(const char* name, const char* overload) {
  static const auto operation = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Function>();
  return operation;
}

// A processor widens rounded operands again: its own products of bfloat16 round the sums as well.
at::Tensor Widened(const at::Tensor& operand) {
  return operand.scalar_type() == at::kBFloat16 ? operand.to(at::kFloat) : operand;
}

// Adds `factor` times the products over the terms from `first` on, in runs of `run`. Each is formed by itself: small
// products of LibTorch add their terms to the sum one by one.
void AddRuns(const at::Tensor& sum, const at::Tensor& left, const at::Tensor& right, int64_t run, int64_t first,
             double factor) {
  const int64_t terms = left.size(2);
  for (; first < terms; first += run) {
    const int64_t count = std::min(run, terms - first);
    sum.add_(at::bmm(left.narrow(2, first, count), right.narrow(1, first, count)), factor);
  }
}

at::Tensor MultiplyInShortSums(const at::Tensor& left, const at::Tensor& right) {
  const int64_t run = ShortSum(left.size(2), 0);
  const int64_t count = std::min(run, left.size(2));
  at::Tensor sum = at::bmm(left.narrow(2, 0, count), right.narrow(1, 0, count));
  AddRuns(sum, left, right, run, count, 1);
  return sum;
}

}  // namespace

at::ScalarType OperandType(const Target& target, at::ScalarType type) {
  return target.precision == GemmPrecision::kBf16 && type == at::kFloat ? at::kBFloat16 : type;
}

at::Tensor Operand(const Target& target, const at::Tensor& values) {
  return values.to(OperandType(target, values.scalar_type()));
}

at::Tensor Multiply(const Target& target, const at::Tensor& left, const at::Tensor& right) {
  const at::Tensor a = Operand(target, left);
  const at::Tensor b = Operand(target, right);
  if (target.device.is_cpu()) return MultiplyInShortSums(Widened(a), Widened(b));
  if (a.scalar_type() != at::kBFloat16) return at::bmm(a, b);
  return Operation<MultiplyInto>(kMultiply, kMultiplyNarrow).call(a, b, at::kFloat);
}

void AddProduct(const Target& target, at::Tensor sum, const at::Tensor& left, const at::Tensor& right, double factor) {
  if (sum.stride(1) == 1 && sum.stride(2) != 1) {
    return AddProduct(target, sum.transpose(1, 2), right.transpose(1, 2), left.transpose(1, 2), factor);
  }
  const at::Tensor a = Operand(target, left);
  const at::Tensor b = Operand(target, right);
  const bool on_host = target.device.is_cpu();
  if (on_host && a.size(2) > kShortSum) return AddRuns(sum, Widened(a), Widened(b), kShortSum, 0, factor);
  if (on_host || a.scalar_type() != at::kBFloat16) {
    sum.baddbmm_(Widened(a), Widened(b), 1, factor);
    return;
  }
  Operation<AddProductInto>(kAddProduct, kAddProductNarrow).call(sum, a, b, at::kFloat, 1, factor, sum);
}

bool HasNarrowProducts() {
  c10::Dispatcher& operations = c10::Dispatcher::singleton();
  if (!operations.findSchema({kMultiply, kMultiplyNarrow}) ||
      !operations.findSchema({kAddProduct, kAddProductNarrow})) {
    return false;
  }
  Operation<MultiplyInto>(kMultiply, kMultiplyNarrow);  // Throws where its arguments are others.
  Operation<AddProductInto>(kAddProduct, kAddProductNarrow);
  return true;
}

}  // namespace lossd::aten
