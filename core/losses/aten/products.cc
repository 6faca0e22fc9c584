// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/products.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

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

// Whether the target rounds operands and multiplies these itself. A processor widens them again: its own products of
// bfloat16 round the sums as well.
bool MultipliesNarrow(const Target& target, const at::Tensor& operand) {
  return operand.scalar_type() == at::kBFloat16 && !target.device.is_cpu();
}

at::Tensor Widened(const at::Tensor& operand) {
  return operand.scalar_type() == at::kBFloat16 ? operand.to(at::kFloat) : operand;
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
  if (!MultipliesNarrow(target, a)) return at::bmm(Widened(a), Widened(b));
  return Operation<MultiplyInto>(kMultiply, kMultiplyNarrow).call(a, b, at::kFloat);
}

void AddProduct(const Target& target, at::Tensor sum, const at::Tensor& left, const at::Tensor& right) {
  const at::Tensor a = Operand(target, left);
  const at::Tensor b = Operand(target, right);
  if (!MultipliesNarrow(target, a)) {
    sum.baddbmm_(Widened(a), Widened(b));
    return;
  }
  Operation<AddProductInto>(kAddProduct, kAddProductNarrow).call(sum, a, b, at::kFloat, 1, 1, sum);
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
