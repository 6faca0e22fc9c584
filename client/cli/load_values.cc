// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_values.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {
namespace {

absl::Status Unreadable(absl::string_view flag, absl::string_view expected, const std::string& text) {
  return UsageError(absl::StrCat(flag, ": expected ", expected, ", got '", text, "'"));
}

bool ParsePositive(absl::string_view text, double* value) {
  return absl::SimpleAtod(text, value) && *value > 0 && std::isfinite(*value);
}

}  // namespace

absl::StatusOr<double> ParseShare(absl::string_view flag, const std::string& text) {
  absl::string_view number = text;
  const double unit = absl::ConsumeSuffix(&number, "%") ? 0.01 : 1;
  double value = 0;
  if (absl::SimpleAtod(number, &value) && value >= 0 && std::isfinite(value)) return value * unit;
  return Unreadable(flag, "a share such as 5% or 0.05", text);
}

absl::StatusOr<std::pair<double, double>> ParseRange(absl::string_view flag, const std::string& text, bool rising) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, ':');
  double from = 0, to = 0;
  if (ends.size() > 2 || !ParsePositive(ends.front(), &from) || !ParsePositive(ends.back(), &to)) {
    return Unreadable(flag, "a positive number or a range such as 1:64", text);
  }
  if (rising && to < from) return Unreadable(flag, "a range that rises", text);
  return std::make_pair(from, to);
}

absl::StatusOr<absl::Duration> ParseLength(absl::string_view flag, const std::string& text) {
  absl::Duration length;
  if (absl::ParseDuration(text, &length) && length >= absl::ZeroDuration() && length < absl::Hours(1000)) {
    return length;
  }
  return Unreadable(flag, "a duration such as 500ms or 2m", text);
}

absl::StatusOr<DType> ParseElementType(absl::string_view flag, const std::string& text) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt32,
                            DType::kInt64, DType::kUint8}) {
    if (absl::EqualsIgnoreCase(text, DTypeName(dtype))) return dtype;
  }
  return Unreadable(flag, "float32, float16, bfloat16, float64, int32, int64 or uint8", text);
}

}  // namespace lossd::cli
