// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The grammar that says which feature maps are compared.

#ifndef LOSSD_CORE_LOSSES_COMPARISONS_H_
#define LOSSD_CORE_LOSSES_COMPARISONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lossd {

// Most pairs a request may have.
inline constexpr size_t kMaxComparisons = 256;
// Most characters that these may be written in, white space and all.
inline constexpr size_t kMaxComparisonsText = 8192;

// A pair of map indices, anchor first. Nullopt: drawn at random.
struct Comparison {
  std::optional<int32_t> anchor;
  std::optional<int32_t> positive;

  friend bool operator==(const Comparison&, const Comparison&) = default;
};

// "0:1,r:1", the same for equal pairs however they were written.
std::string ComparisonsText(const std::vector<Comparison>& comparisons);

// Reads "01, r1, 10:12": pairs separated by commas, white space around a pair is ignored. A pair is two digits, each an
// index, or two decimal indices with a colon between them; in either form `r` stands for a random index. Fails with
// InvalidField on anything else, and on more than kMaxComparisons pairs or kMaxComparisonsText characters. Indices are
// not checked against any maps.
absl::StatusOr<std::vector<Comparison>> ParseComparisons(absl::string_view text);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_COMPARISONS_H_
