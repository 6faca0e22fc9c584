// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/loss_inputs.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/losses/input_names.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

std::string Field(const TensorSpec& input, absl::string_view part) {
  return absl::StrCat("inputs[", input.name, "].", part);
}

// "negative" of "negative.*"; nullopt for the name of a single input.
std::optional<absl::string_view> FamilyOf(absl::string_view name) {
  if (absl::ConsumeSuffix(&name, ".*")) return name;
  return std::nullopt;
}

std::string NamesOf(const LossDescription& description) {
  return absl::StrJoin(description.inputs, " or ", [](std::string* out, const LossInputDescription& input) {
    const auto family = FamilyOf(input.name);
    absl::StrAppend(out, family.has_value() ? absl::StrCat(*family, ".0, ...") : input.name);
  });
}

std::string ShapeOf(const LossInputDescription& input) {
  return absl::StrCat("[", absl::StrJoin(input.shape, ", "), "]");
}

bool IsScalar(const LossInputDescription& input) { return input.shape.size() == 1 && input.shape[0] == "1"; }

}  // namespace

absl::StatusOr<LossInputs> LossInputs::Find(const LossDescription& description, absl::Span<const TensorSpec> inputs) {
  LossInputs found;
  found.inputs_ = inputs;
  LOSSD_RETURN_IF_ERROR(found.Sort(description));
  LOSSD_RETURN_IF_ERROR(found.CheckDTypes(description));
  for (const LossInputDescription& expected : description.inputs) {
    if (const auto family = FamilyOf(expected.name)) {
      const std::vector<int>& members = found.families_.at(*family);
      for (size_t m = 0; m < members.size(); ++m) {
        LOSSD_RETURN_IF_ERROR(found.CheckShape(expected, members[m], absl::StrCat(m)));
      }
    } else if (found.Has(expected.name)) {
      LOSSD_RETURN_IF_ERROR(found.CheckShape(expected, found.IndexOf(expected.name), ""));
    }
  }
  return found;
}

int LossInputs::IndexOf(absl::string_view name) const {
  const auto found = named_.find(name);
  return found == named_.end() ? -1 : found->second;
}

bool LossInputs::IsOf(size_t index, absl::string_view name) const {
  const auto family = FamilyOf(name);
  const std::string& own = inputs_[index].name;
  return family.has_value() ? NumberInFamily(own, *family).has_value() : own == name;
}

absl::Status LossInputs::Sort(const LossDescription& description) {
  for (const LossInputDescription& expected : description.inputs) {
    if (const auto family = FamilyOf(expected.name)) families_[*family].assign(inputs_.size(), -1);
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::string& name = inputs_[i].name;
    const bool known =
        std::any_of(description.inputs.begin(), description.inputs.end(), [&](const LossInputDescription& expected) {
          const auto family = FamilyOf(expected.name);
          if (!family.has_value()) return expected.name == name;
          const std::optional<size_t> number = NumberInFamily(name, *family);
          // Numbers beyond the count of inputs leave a gap anyway.
          if (number.has_value() && *number < inputs_.size()) families_[*family][*number] = static_cast<int>(i);
          return number.has_value();
        });
    if (!known) {
      return InvalidField(absl::StrCat("inputs[", name, "]"),
                          absl::StrCat("unknown input, expected ", NamesOf(description)));
    }
    named_[name] = static_cast<int>(i);
  }
  for (const LossInputDescription& expected : description.inputs) {
    const auto family = FamilyOf(expected.name);
    if (!family.has_value()) {
      if (!expected.optional && !Has(expected.name)) {
        return MissingInput(expected.name);
      }
      continue;
    }
    std::vector<int>& members = families_[*family];
    const auto count = static_cast<size_t>(std::count_if(inputs_.begin(), inputs_.end(), [&](const TensorSpec& input) {
      return NumberInFamily(input.name, *family).has_value();
    }));
    const auto gap = std::find(members.begin(), members.begin() + static_cast<int64_t>(count), -1) - members.begin();
    if (gap < static_cast<int64_t>(count)) {
      return InvalidField(absl::StrCat("inputs[", *family, ".", gap, "]"), "missing, numbers start at 0 without gaps");
    }
    members.resize(count);
  }
  return absl::OkStatus();
}

absl::Status LossInputs::CheckDTypes(const LossDescription& description) {
  std::vector<TensorSpec> floating(inputs_.begin(), inputs_.end());
  for (const LossInputDescription& expected : description.inputs) {
    if (!expected.integer || !Has(expected.name)) continue;
    const TensorSpec& input = inputs_[static_cast<size_t>(IndexOf(expected.name))];
    if (input.dtype != DType::kInt32 && input.dtype != DType::kInt64) {
      return InvalidField(Field(input, "dtype"), absl::StrCat("expected INT32 or INT64, got ", DTypeName(input.dtype)));
    }
    floating.erase(std::find(floating.begin(), floating.end(), input));
  }
  LOSSD_RETURN_IF_ERROR(CheckFloating(floating));
  LOSSD_ASSIGN_OR_RETURN(compute_dtype_, FindComputeDType(floating));
  return absl::OkStatus();
}

absl::Status LossInputs::CheckShape(const LossInputDescription& expected, int input, absl::string_view member) {
  const TensorSpec& spec = inputs_[static_cast<size_t>(input)];
  if (IsScalar(expected)) {
    if (ElementCount(spec.shape) == 1 && spec.shape.size() <= 1) return absl::OkStatus();
    return InvalidField(Field(spec, "shape"), absl::StrCat("expected [] or [1], got ", ShapeText(spec.shape)));
  }
  if (spec.shape.size() != expected.shape.size() ||
      std::any_of(spec.shape.begin(), spec.shape.end(), [](int64_t extent) { return extent <= 0; })) {
    return InvalidField(Field(spec, "shape"), absl::StrCat("expected ", ShapeOf(expected),
                                                           " with extents above 0, got ", ShapeText(spec.shape)));
  }
  for (size_t axis = 0; axis < expected.shape.size(); ++axis) {
    const std::string& symbol = expected.shape[axis];
    const bool shared = member.empty() || extents_.contains(symbol);
    const std::string key = shared ? symbol : absl::StrCat(symbol, ".", member);
    const Extent& extent =
        extents_.try_emplace(key, Extent{spec.shape[axis], spec.name, ShapeOf(expected)}).first->second;
    if (extent.value == spec.shape[axis]) continue;
    const TensorSpec& owner = inputs_[static_cast<size_t>(IndexOf(extent.owner))];
    const std::string wanted = extent.shape == ShapeOf(expected) && member.empty()
                                   ? absl::StrCat("expected ", ShapeText(owner.shape), " like inputs[", owner.name, "]")
                                   : absl::StrCat("expected ", ShapeOf(expected), " with ", symbol, " = ", extent.value,
                                                  " as in inputs[", owner.name, "]");
    return InvalidField(Field(spec, "shape"), absl::StrCat(wanted, ", got ", ShapeText(spec.shape)));
  }
  return absl::OkStatus();
}

}  // namespace lossd
