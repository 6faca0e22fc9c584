// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Numbers of bytes as people write them.

#ifndef LOSSD_SERVER_SETTINGS_SIZES_H_
#define LOSSD_SERVER_SETTINGS_SIZES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace lossd {

// Reads an integer of bytes, with or without a unit behind it: B, KiB, MiB, GiB, TiB (powers of 1024) or KB, MB, GB, TB
// (powers of 1000), in capitals or not, with or without blanks between. May be negative: ranges are the caller's.
// nullopt if it is none, or more than an int64_t holds.
std::optional<int64_t> ParseBytes(absl::string_view text);

// The shortest exact form that ParseBytes reads: "256MiB", "1000".
std::string BytesText(int64_t bytes);

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_SIZES_H_
