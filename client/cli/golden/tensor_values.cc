// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/tensor_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/tensor/convert.h"

namespace lossd::cli {
namespace {

template <typename T>
void Copy(absl::Span<const std::byte> bytes, std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
}

}  // namespace

std::vector<double> ToDoubles(const TensorSpec& spec, absl::Span<const std::byte> bytes) {
  std::vector<double> values(static_cast<size_t>(ElementCount(spec.shape)));
  switch (spec.dtype) {
    case DType::kFloat32:
      Copy<float>(bytes, values);
      break;
    case DType::kFloat64:
      Copy<double>(bytes, values);
      break;
    case DType::kInt32:
      Copy<int32_t>(bytes, values);
      break;
    case DType::kInt64:
      Copy<int64_t>(bytes, values);
      break;
    case DType::kUint8:
      Copy<uint8_t>(bytes, values);
      break;
    case DType::kFloat16:
    case DType::kBFloat16: {
      std::vector<float> widened(values.size());
      Widen(spec.dtype, bytes.data(), widened.data(), static_cast<int64_t>(widened.size()));
      std::copy(widened.begin(), widened.end(), values.begin());
      break;
    }
    case DType::kUnspecified:
      break;
  }
  return values;
}

TensorNorms NormsOf(absl::Span<const double> values) {
  TensorNorms norms;
  double squares = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      ++norms.nonfinite;
      continue;
    }
    squares += value * value;
    norms.max_abs = std::max(norms.max_abs, std::abs(value));
  }
  norms.l2 = std::sqrt(squares);
  return norms;
}

}  // namespace lossd::cli
