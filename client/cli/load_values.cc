// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_values.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
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

std::string CheckAtLeast(uint64_t least, const std::string& text) {
  uint64_t value = 0;
  if (absl::SimpleAtoi(text, &value) && value >= least) return "";
  return absl::StrCat("expected a whole number of at least ", least, ", got '", text, "'");
}

}  // namespace

std::string CheckNotNegative(const std::string& text) { return CheckAtLeast(0, text); }
std::string CheckPositive(const std::string& text) { return CheckAtLeast(1, text); }

absl::StatusOr<double> ParseShare(absl::string_view flag, const std::string& text) {
  absl::string_view number = text;
  const double unit = absl::ConsumeSuffix(&number, "%") ? 0.01 : 1;
  double value = 0;
  if (absl::SimpleAtod(number, &value) && value >= 0 && std::isfinite(value)) return value * unit;
  return Unreadable(flag, "a share such as 5% or 0.05", text);
}

absl::StatusOr<Sweep> ParseSweep(absl::string_view flag, const std::string& text) {
  constexpr char kExpected[] = "a positive number, or a range such as 1:64, 1:64:*2 or 1:64:8";
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  Sweep sweep;
  if (parts.size() > 3 || !ParsePositive(parts[0], &sweep.from)) return Unreadable(flag, kExpected, text);
  sweep.to = sweep.from;
  if (parts.size() > 1 && !ParsePositive(parts[1], &sweep.to)) return Unreadable(flag, kExpected, text);
  if (parts.size() < 3) return sweep;
  Sweep::Step step;
  absl::string_view number = parts[2];
  step.multiplies = absl::ConsumePrefix(&number, "*");
  if (!ParsePositive(number, &step.by) || (step.multiplies && step.by <= 1)) return Unreadable(flag, kExpected, text);
  if (sweep.to < sweep.from) return Unreadable(flag, "a range that rises where it has a step", text);
  const double steps =
      step.multiplies ? std::log(sweep.to / sweep.from) / std::log(step.by) : (sweep.to - sweep.from) / step.by;
  if (steps > 1000) return Unreadable(flag, "at most 1000 steps", text);
  sweep.step = step;
  return sweep;
}

std::vector<double> LoadsOf(const Sweep& sweep, bool whole) {
  const Sweep::Step step = sweep.step.value_or(Sweep::Step());
  std::vector<double> loads;
  // Ends short of the last load, which is added as it was given.
  const auto load_at = [&](int i) {
    return step.multiplies ? sweep.from * std::pow(step.by, i) : sweep.from + i * step.by;
  };
  for (int i = 0; load_at(i) < sweep.to * (1 - 1e-9); ++i) loads.push_back(load_at(i));
  loads.push_back(sweep.to);
  if (!whole) return loads;
  for (double& load : loads) load = std::max(1.0, std::floor(load));
  loads.erase(std::unique(loads.begin(), loads.end()), loads.end());
  return loads;
}

absl::StatusOr<absl::Duration> ParseLength(absl::string_view flag, const std::string& text) {
  absl::Duration length;
  if (absl::ParseDuration(text, &length) && length >= absl::ZeroDuration() && length < absl::Hours(1000)) {
    return length;
  }
  return Unreadable(flag, "a duration such as 500ms or 2m", text);
}

absl::StatusOr<std::pair<std::string, std::string>> ParseHeader(absl::string_view flag, const std::string& text) {
  const size_t colon = text.find(':');
  const std::string key = text.substr(0, colon);
  const auto in_key = [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_'; };
  const bool readable = colon != std::string::npos && !key.empty() && std::all_of(key.begin(), key.end(), in_key) &&
                        std::all_of(text.begin(), text.end(), absl::ascii_isprint);
  if (!readable || absl::StartsWith(key, "grpc-") || absl::EndsWith(key, "-bin")) {
    return Unreadable(flag, "key:value with a key of lower-case letters, digits, - and _, not grpc-... or ...-bin",
                      text);
  }
  return std::pair(key, std::string(absl::StripAsciiWhitespace(absl::string_view(text).substr(colon + 1))));
}

absl::StatusOr<Shape> ParseShape(absl::string_view flag, const std::string& text) {
  Shape shape;
  for (const absl::string_view extent : absl::StrSplit(text, ',')) {
    if (!absl::SimpleAtoi(extent, &shape.emplace_back())) {
      return Unreadable(flag, "whole numbers separated by commas, such as 1,2", text);
    }
  }
  return shape;
}

absl::StatusOr<DType> ParseElementType(absl::string_view flag, const std::string& text) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt32,
                            DType::kInt64, DType::kUint8}) {
    if (absl::EqualsIgnoreCase(text, DTypeName(dtype))) return dtype;
  }
  return Unreadable(flag, "float32, float16, bfloat16, float64, int32, int64 or uint8", text);
}

}  // namespace lossd::cli
