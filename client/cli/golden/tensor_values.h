// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads the elements of tensors as numbers.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_TENSOR_VALUES_H_
#define LOSSD_CLIENT_CLI_GOLDEN_TENSOR_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/tensor/tensor_spec.h"

namespace lossd::cli {

// The elements as float64, exactly but for int64 beyond 2^53. Precondition: `bytes` has ByteSize(spec) bytes.
std::vector<double> ToDoubles(const TensorSpec& spec, absl::Span<const std::byte> bytes);

// What a table shows of a tensor.
struct TensorNorms {
  double l2 = 0;
  double max_abs = 0;
  int64_t nonfinite = 0;  // Elements that are NaN or infinite; they do not count in the norms.
};
TensorNorms NormsOf(absl::Span<const double> values);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_TENSOR_VALUES_H_
