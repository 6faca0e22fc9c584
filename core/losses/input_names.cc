// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/input_names.h"

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

std::string Field(absl::string_view name) { return absl::StrCat("inputs[", name, "]"); }

absl::Status UnknownInput(absl::string_view name, absl::string_view expected) {
  return InvalidField(Field(name), absl::StrCat("unknown input, expected ", expected));
}

// Enters input `index` under its number. Numbers beyond the count of inputs stay out: they leave a gap anyway.
bool Enter(const TensorSpec& input, int index, absl::string_view family, std::vector<int>& members) {
  const std::optional<size_t> number = NumberInFamily(input.name, family);
  if (!number.has_value()) return false;
  if (*number < members.size()) members[*number] = index;
  return true;
}

// Cuts the members behind the last number in use.
absl::Status CloseFamily(absl::string_view family, size_t count, std::vector<int>& members) {
  for (size_t i = 0; i < count; ++i) {
    if (members[i] < 0)
      return InvalidField(Field(absl::StrCat(family, ".", i)), "missing, numbers start at 0 without gaps");
  }
  members.resize(count);
  return absl::OkStatus();
}

}  // namespace

absl::Status MissingInput(absl::string_view name) {
  return InvalidField(Field(name), "missing, expected a tensor of this name");
}

std::optional<size_t> NumberInFamily(absl::string_view name, absl::string_view family) {
  if (!absl::ConsumePrefix(&name, family) || !absl::ConsumePrefix(&name, ".")) return std::nullopt;
  size_t number = 0;
  if (!absl::SimpleAtoi(name, &number) || absl::StrCat(number) != name) return std::nullopt;
  return number;
}

absl::StatusOr<std::vector<std::vector<int>>> FindNumberedInputs(absl::Span<const TensorSpec> inputs,
                                                                 absl::Span<const absl::string_view> families) {
  std::vector<std::vector<int>> members(families.size(), std::vector<int>(inputs.size() + 1, -1));
  std::vector<size_t> counts(families.size(), 0);
  for (size_t i = 0; i < inputs.size(); ++i) {
    bool known = false;
    for (size_t f = 0; f < families.size() && !known; ++f) {
      known = Enter(inputs[i], static_cast<int>(i), families[f], members[f]);
      counts[f] += known ? 1 : 0;
    }
    if (!known) {
      return UnknownInput(inputs[i].name, absl::StrCat(absl::StrJoin(families, ".0, ... or "), ".0, ..."));
    }
  }
  for (size_t f = 0; f < families.size(); ++f) {
    if (counts[f] == 0) return MissingInput(absl::StrCat(families[f], ".0"));
    LOSSD_RETURN_IF_ERROR(CloseFamily(families[f], counts[f], members[f]));
  }
  return members;
}

absl::StatusOr<std::vector<int>> FindNamedInputs(absl::Span<const TensorSpec> inputs,
                                                 absl::Span<const absl::string_view> names) {
  std::vector<int> found(names.size(), -1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    size_t n = 0;
    while (n < names.size() && inputs[i].name != names[n]) ++n;
    if (n == names.size()) return UnknownInput(inputs[i].name, absl::StrJoin(names, " or "));
    found[n] = static_cast<int>(i);
  }
  for (size_t n = 0; n < names.size(); ++n) {
    if (found[n] < 0) return MissingInput(names[n]);
  }
  return found;
}

absl::StatusOr<DType> FindComputeDType(absl::Span<const TensorSpec> inputs) {
  const TensorSpec* first = nullptr;
  for (const TensorSpec& input : inputs) {
    if (!IsFloating(input.dtype)) continue;
    if (first == nullptr) first = &input;
    if ((input.dtype == DType::kFloat64) != (first->dtype == DType::kFloat64)) {
      return InvalidField(absl::StrCat(Field(input.name), ".dtype"),
                          absl::StrCat("FLOAT64 cannot be mixed with narrower types, got ", DTypeName(input.dtype),
                                       " beside ", DTypeName(first->dtype), " of inputs[", first->name, "]"));
    }
  }
  return first != nullptr && first->dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
}

absl::Status CheckFloating(absl::Span<const TensorSpec> inputs) {
  for (const TensorSpec& input : inputs) {
    if (IsFloating(input.dtype)) continue;
    return InvalidField(absl::StrCat(Field(input.name), ".dtype"),
                        absl::StrCat("expected a floating type, got ", DTypeName(input.dtype)));
  }
  return absl::OkStatus();
}

}  // namespace lossd
