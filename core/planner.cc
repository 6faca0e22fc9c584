// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/planner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/name_patterns.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {

namespace {

// A tensor whose gradient can be asked for.
struct Candidate {
  const TensorSpec* spec;  // Not owned.
  bool derived;
  bool constant = false;  // Has no gradient though it is floating.

  bool HasGradient() const { return IsFloating(spec->dtype) && !constant; }
};

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

// Names unique, sizes representable. Returns the specs in storage dtype, or as they are.
absl::StatusOr<std::vector<TensorSpec>> CheckInputs(const std::vector<TensorSpec>& inputs, bool keeps_narrow) {
  absl::flat_hash_set<absl::string_view> names;
  std::vector<TensorSpec> stored;
  stored.reserve(inputs.size());
  for (const TensorSpec& input : inputs) {
    if (!names.insert(input.name).second) {
      return InvalidField(absl::StrCat("inputs[", input.name, "].name"), "expected each name once, got it twice");
    }
    const auto bytes = CheckedByteSize(StorageDType(input.dtype), input.shape);
    if (!bytes.ok()) {
      const absl::string_view part = input.dtype == DType::kUnspecified ? "dtype" : "shape";
      return InvalidField(absl::StrCat("inputs[", input.name, "].", part), bytes.status().message());
    }
    stored.push_back({input.name, keeps_narrow ? input.dtype : StorageDType(input.dtype), input.shape});
  }
  return stored;
}

// Which candidates the names and prefixes of `selection` choose.
absl::StatusOr<std::vector<bool>> ChooseNamed(const GradientSelection& selection,
                                              const std::vector<Candidate>& candidates) {
  std::vector<absl::string_view> names;
  std::vector<bool> with_gradient;
  for (const Candidate& candidate : candidates) {
    names.push_back(candidate.spec->name);
    with_gradient.push_back(candidate.HasGradient());
  }
  NamePatterns patterns(names, with_gradient);
  for (const std::string& pattern : selection.names) {
    const NamePatterns::Match match = patterns.Choose(pattern);
    if (match.excluded.has_value()) {
      const Candidate& candidate = candidates[*match.excluded];
      return InvalidField(
          "gradients.names",
          absl::StrCat("expected ", candidate.constant ? "an input with a gradient" : "a floating input", ", got \"",
                       pattern, "\", which is ", candidate.constant ? "constant" : DTypeName(candidate.spec->dtype)));
    }
    if (!match.chooses) {
      return InvalidField("gradients.names",
                          absl::StrCat("expected names of floating inputs, got \"", pattern, "\", which matches none"));
    }
  }
  return patterns.chosen();
}

// Which candidates' gradients are returned.
absl::StatusOr<std::vector<bool>> ChooseGradients(const GradientSelection& selection,
                                                  const std::vector<Candidate>& candidates) {
  std::vector<bool> chosen(candidates.size(), false);
  if (selection.mode != GradientSelection::Mode::kNamed) {
    if (!selection.names.empty()) {
      return InvalidField("gradients.names", absl::StrCat("expected no names unless gradients.mode is MODE_NAMED, got ",
                                                          selection.names.size()));
    }
    for (size_t i = 0; i < candidates.size() && selection.mode == GradientSelection::Mode::kAll; ++i) {
      chosen[i] = !candidates[i].derived && candidates[i].HasGradient();
    }
    return chosen;
  }
  if (selection.names.empty()) {
    return InvalidField("gradients.names", "expected at least one name with MODE_NAMED, got none");
  }
  return ChooseNamed(selection, candidates);
}

absl::Status CheckGradientForm(const GradientSelection& selection) {
  if (selection.dtype.has_value() && !IsFloating(*selection.dtype)) {
    return InvalidField("gradients.dtype", absl::StrCat("expected a floating type, got ", DTypeName(*selection.dtype)));
  }
  if (!std::isfinite(selection.scale)) {
    return InvalidField("gradients.scale", absl::StrCat("expected a finite number, got ", selection.scale));
  }
  return absl::OkStatus();
}

// Whether what gradients are computed in can hold the scale: every loss would make something else of one that it
// cannot.
absl::Status CheckScale(const Plan& plan) {
  const double scale = plan.request.gradients.scale;
  if (std::abs(scale) <= std::numeric_limits<float>::max()) return absl::OkStatus();
  for (const GradientPlan& gradient : plan.gradients) {
    if (gradient.computed.dtype == DType::kFloat64) continue;
    return InvalidField("gradients.scale", absl::StrCat("expected at most ", std::numeric_limits<float>::max(),
                                                        " where gradients are computed in float32, got ", scale));
  }
  return absl::OkStatus();
}

// FLOAT64 may hold what a float32 gradient and the scale make together, and float32 not.
void TakeWideningScale(Plan& plan) {
  const auto is_wide = [](const TensorSpec& input) { return input.dtype == DType::kFloat64; };
  const std::vector<TensorSpec>& inputs = plan.request.inputs;
  if (plan.request.gradients.dtype != DType::kFloat64 || std::any_of(inputs.begin(), inputs.end(), is_wide)) return;
  if (!std::isfinite(plan.request.gradients.scale)) return;  // Refused later.
  plan.widening_scale = std::exchange(plan.request.gradients.scale, 1.0);
}

// As what a loss writes a gradient: in storage dtype; where a device rounds, float32 ones as they leave.
DType ComputedDType(DType input, DType leaving, bool device_rounds) {
  const DType storage = StorageDType(input);
  return device_rounds && storage == DType::kFloat32 && IsHalf(leaving) ? leaving : storage;
}

// Requests of one batch lie alike in a device's memory.
void TellDTypesApart(const std::vector<TensorSpec>& inputs, const GradientSelection& gradients,
                     std::string& batch_key) {
  for (const TensorSpec& input : inputs) absl::StrAppend(&batch_key, " ", DTypeName(input.dtype));
  if (gradients.dtype.has_value()) absl::StrAppend(&batch_key, " to ", DTypeName(*gradients.dtype));
}

absl::Status PlanGradients(Plan& plan, bool device_rounds) {
  const GradientSelection& selection = plan.request.gradients;
  LOSSD_RETURN_IF_ERROR(CheckGradientForm(selection));
  std::vector<Candidate> candidates;
  const std::vector<bool>& constants = plan.detail->constants;
  for (size_t i = 0; i < plan.request.inputs.size(); ++i) {
    candidates.push_back({&plan.request.inputs[i], false, i < constants.size() && constants[i]});
  }
  for (const TensorSpec& input : plan.detail->derived_inputs) candidates.push_back({&input, true});
  LOSSD_ASSIGN_OR_RETURN(const std::vector<bool> chosen, ChooseGradients(selection, candidates));
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!chosen[i]) continue;
    TensorSpec spec = *candidates[i].spec;
    TensorSpec computed = spec;
    spec.dtype = selection.dtype.value_or(spec.dtype);
    computed.dtype = ComputedDType(computed.dtype, spec.dtype, device_rounds);
    plan.gradients.push_back({std::move(spec), std::move(computed), static_cast<int>(i)});
  }
  return CheckScale(plan);
}

// Bytes of a tensor, the largest integer where the product overflows.
int64_t SaturatingByteSize(DType dtype, const Shape& shape) {
  return CheckedByteSize(dtype, shape).value_or(std::numeric_limits<int64_t>::max());
}

// Bytes of everything the request holds at its peak. A gradient that is rounded is counted in both forms.
int64_t PeakBytes(const Plan& plan) {
  const int64_t workspace = plan.detail->workspace_bytes;
  int64_t bytes = workspace < 0 ? std::numeric_limits<int64_t>::max() : workspace;  // A loss's own sum overflowed.
  for (const TensorSpec& input : plan.inputs) bytes = SaturatingAdd(bytes, ByteSize(input));
  for (const TensorSpec& output : plan.detail->outputs) bytes = SaturatingAdd(bytes, ByteSize(output));
  for (const GradientPlan& gradient : plan.gradients) {
    const DType computed = gradient.computed.dtype;
    bytes = SaturatingAdd(bytes, SaturatingByteSize(gradient.spec.dtype, gradient.spec.shape));
    if (computed != gradient.spec.dtype) {
      bytes = SaturatingAdd(bytes, SaturatingByteSize(computed, gradient.spec.shape));
    }
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Plan>> MakePlan(ComputeSpec request, const Loss& loss, double max_request_flops,
                                                     bool has_device) {
  auto plan = std::make_shared<Plan>();
  plan->request = std::move(request);
  plan->loss = &loss;
  TakeWideningScale(*plan);
  LOSSD_ASSIGN_OR_RETURN(plan->inputs, CheckInputs(plan->request.inputs, has_device));
  LOSSD_ASSIGN_OR_RETURN(std::unique_ptr<LossPlan> detail, loss.Prepare(plan->request));
  if (has_device) TellDTypesApart(plan->inputs, plan->request.gradients, detail->batch_key);
  plan->detail = std::move(detail);
  LOSSD_RETURN_IF_ERROR(PlanGradients(*plan, has_device));
  if (!(plan->detail->flops <= max_request_flops)) {
    return LimitExceeded(
        {RejectReason::kFlops, "--max_request_flops",
         absl::StrCat("expected at most ", max_request_flops,
                      " floating-point operations a request, got an estimate of ", plan->detail->flops),
         std::nullopt});
  }
  plan->bytes = PeakBytes(*plan);
  return plan;
}

}  // namespace lossd
