// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Finds a loss's inputs by name and checks the rules on names and dtypes that all losses share.

#ifndef LOSSD_CORE_LOSSES_INPUT_NAMES_H_
#define LOSSD_CORE_LOSSES_INPUT_NAMES_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// 7 for "anchor.7" in the family "anchor"; nullopt if `name` is not of the family. Only the plain decimal form counts.
std::optional<size_t> NumberInFamily(absl::string_view name, absl::string_view family);

// That a request has no input of this name, which its loss needs.
absl::Status MissingInput(absl::string_view name);

// Sorts inputs into numbered families: with families {"anchor", "positive"} the inputs "anchor.0", "anchor.1", ... and
// "positive.0", ... Returns for each family the indices into `inputs` of members 0, 1, ... Fails with InvalidField on a
// name outside the families, a gap in the numbering, or a family without members. Names are known to be unique.
absl::StatusOr<std::vector<std::vector<int>>> FindNumberedInputs(absl::Span<const TensorSpec> inputs,
                                                                 absl::Span<const absl::string_view> families);

// Returns for each of `names` its index into `inputs`. Fails with InvalidField on an input that is not in `names` and
// on a name without input.
absl::StatusOr<std::vector<int>> FindNamedInputs(absl::Span<const TensorSpec> inputs,
                                                 absl::Span<const absl::string_view> names);

// Returns the type in which a request is computed: FLOAT64 if all its floating inputs are FLOAT64, FLOAT32 if none is.
// Fails with InvalidField where they are mixed. Integers do not count.
absl::StatusOr<DType> FindComputeDType(absl::Span<const TensorSpec> inputs);

// Fails with InvalidField if an input is not of a floating type.
absl::Status CheckFloating(absl::Span<const TensorSpec> inputs);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_INPUT_NAMES_H_
