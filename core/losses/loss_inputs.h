// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A request's inputs as its loss's description names them: found, with their dtypes and shapes checked.

#ifndef LOSSD_CORE_LOSSES_LOSS_INPUTS_H_
#define LOSSD_CORE_LOSSES_LOSS_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/engine/contrast.h"
#include "core/losses/loss.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// Borrows the request's specs. Immutable.
class LossInputs {
 public:
  // Sorts `inputs` by the description's names; "negative.*" is a family, numbered from 0 on without gaps. Fails with
  // InvalidField on inputs that are unknown, missing, of another dtype, or whose extents do not fit. In a family, a
  // symbol of no other input is each member's own; the shape {"1"} stands for a scalar, [] or [1].
  static absl::StatusOr<LossInputs> Find(const LossDescription& description, absl::Span<const TensorSpec> inputs);

  // Index of the input of this name, -1 where it was not sent.
  int IndexOf(absl::string_view name) const;
  bool Has(absl::string_view name) const { return IndexOf(name) >= 0; }
  // Indices of a family's members, "negative" for "negative.*".
  const std::vector<int>& Family(absl::string_view name) const { return families_.at(name); }
  // Whether input `index` is the one of this name, or of its family "negative.*".
  bool IsOf(size_t index, absl::string_view name) const;
  // What a symbol of the description stands for.
  int64_t ExtentOf(absl::string_view symbol) const { return extents_.at(symbol).value; }
  // The rows of an input of shape [rows, width] that was sent.
  ContrastPart PartOf(absl::string_view name) const { return PartOf(IndexOf(name)); }
  ContrastPart PartOf(int input) const { return {input, inputs_[static_cast<size_t>(input)].shape[0]}; }

  // FLOAT64 if the floating inputs are, else FLOAT32.
  DType compute_dtype() const { return compute_dtype_; }

 private:
  struct Extent {
    int64_t value;
    std::string owner;  // The input that has set it,
    std::string shape;  // and its symbols.
  };

  absl::Status Sort(const LossDescription& description);
  absl::Status CheckDTypes(const LossDescription& description);
  absl::Status CheckShape(const LossInputDescription& expected, int input, absl::string_view member);

  absl::Span<const TensorSpec> inputs_;
  absl::flat_hash_map<std::string, int> named_;
  absl::flat_hash_map<std::string, std::vector<int>> families_;
  absl::flat_hash_map<std::string, Extent> extents_;
  DType compute_dtype_ = DType::kFloat32;
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_LOSS_INPUTS_H_
