// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Checks of numbers in configurations. Errors name the field as the client wrote it, what was expected and what came:
//
//   loss.nt_xent.temperature: expected a finite value > 0, got -1
//
// `name` is the field within the configuration, "false_negatives.margin"; what stands before it is the configuration's
// kName. Functions of their arguments alone, for any thread.

#ifndef LOSSD_CORE_LOSSES_CONFIG_CHECKS_H_
#define LOSSD_CORE_LOSSES_CONFIG_CHECKS_H_

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/status/errors.h"

namespace lossd {

// INVALID_ARGUMENT about field `name` of a configuration, which is not looked at.
template <typename Config>
absl::Status InvalidConfig(const Config&, absl::string_view name, absl::string_view description) {
  return InvalidField(absl::StrCat("loss.", Config::kName, ".", name), description);
}

// Each of the checks is OK or INVALID_ARGUMENT; NaN passes none.

// Not infinite.
template <typename Config>
absl::Status CheckFinite(const Config& config, absl::string_view name, double value) {
  if (std::isfinite(value)) return absl::OkStatus();
  return InvalidConfig(config, name, absl::StrCat("expected a finite value, got ", value));
}

// Not infinite and above 0.
template <typename Config>
absl::Status CheckPositive(const Config& config, absl::string_view name, double value) {
  if (std::isfinite(value) && value > 0) return absl::OkStatus();
  return InvalidConfig(config, name, absl::StrCat("expected a finite value > 0, got ", value));
}

// Not infinite and not below 0; -0 is 0.
template <typename Config>
absl::Status CheckNotNegative(const Config& config, absl::string_view name, double value) {
  if (std::isfinite(value) && value >= 0) return absl::OkStatus();
  return InvalidConfig(config, name, absl::StrCat("expected a finite value >= 0, got ", value));
}

// Of a divisor of scores, the field "temperature": finite and above 0; and what they are multiplied by has to be a
// number, too, which it is not of subnormal ones.
template <typename Config>
absl::Status CheckTemperature(const Config& config, double value) {
  if (value > 0 && std::isinf(1 / value)) {
    return InvalidConfig(config, "temperature", absl::StrCat("expected a value whose inverse is finite, got ", value));
  }
  return CheckPositive(config, "temperature", value);
}

// At least `least` rows in the input `name`, of which there are `rows`; the error names its shape.
inline absl::Status CheckRows(absl::string_view name, int64_t rows, int64_t least) {
  if (rows >= least) return absl::OkStatus();
  return InvalidField(absl::StrCat("inputs[", name, "].shape"),
                      absl::StrCat("expected at least ", least, " rows, got ", rows));
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CONFIG_CHECKS_H_
