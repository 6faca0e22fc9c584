// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads the values of `lossctl load`'s flags.

#ifndef LOSSD_CLIENT_CLI_LOAD_VALUES_H_
#define LOSSD_CLIENT_CLI_LOAD_VALUES_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/tensor/dtype.h"

namespace lossd::cli {

// Each gives a usage error naming `flag`, what is expected, and `text`.

// "5%" or "0.05"; at least 0.
absl::StatusOr<double> ParseShare(absl::string_view flag, const std::string& text);
// "1:64", or "16" as a range of one; positive, not falling where `rising`.
absl::StatusOr<std::pair<double, double>> ParseRange(absl::string_view flag, const std::string& text, bool rising);
// "500ms"; not negative.
absl::StatusOr<absl::Duration> ParseLength(absl::string_view flag, const std::string& text);
// "float32" and so on, in any case.
absl::StatusOr<DType> ParseElementType(absl::string_view flag, const std::string& text);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOAD_VALUES_H_
