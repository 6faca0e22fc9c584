// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads the values of `lossctl load`'s flags.

#ifndef LOSSD_CLIENT_CLI_LOAD_VALUES_H_
#define LOSSD_CLIENT_CLI_LOAD_VALUES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/tensor/dtype.h"
#include "core/tensor/tensor_spec.h"

namespace lossd::cli {

// For options of the parser: empty where `text` is a whole number of at least 0 or 1, else what is expected.
std::string CheckNotNegative(const std::string& text);
std::string CheckPositive(const std::string& text);

// Each gives a usage error naming `flag`, what is expected, and `text`.

// "5%" or "0.05"; at least 0.
absl::StatusOr<double> ParseShare(absl::string_view flag, const std::string& text);
// Loads from one end to the other.
struct Sweep {
  struct Step {
    bool multiplies = true;  // Else it is added.
    double by = 2;
  };
  double from = 1;
  double to = 1;
  std::optional<Step> step;  // Absent where the text names none.
};

// "1:64", with a step as in "1:64:*2" or "1:64:8", or "16" as a range of one. Positive; rising where there is a step,
// of 1000 steps at most.
absl::StatusOr<Sweep> ParseSweep(absl::string_view flag, const std::string& text);

// The loads of a rising sweep, both ends included; it doubles where it names no step. `whole`: rounded down, each once.
std::vector<double> LoadsOf(const Sweep& sweep, bool whole);

// "500ms"; not negative.
absl::StatusOr<absl::Duration> ParseLength(absl::string_view flag, const std::string& text);
// "key:value" as metadata of calls: what gRPC can send, and does not itself.
absl::StatusOr<std::pair<std::string, std::string>> ParseHeader(absl::string_view flag, const std::string& text);
// "16,64,7,7".
absl::StatusOr<Shape> ParseShape(absl::string_view flag, const std::string& text);
// "float32" and so on, in any case.
absl::StatusOr<DType> ParseElementType(absl::string_view flag, const std::string& text);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOAD_VALUES_H_
