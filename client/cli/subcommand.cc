// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/subcommand.h"

#include "absl/strings/cord.h"

namespace lossd::cli {
namespace {

constexpr absl::string_view kUsageUrl = "lossctl/usage";

}  // namespace

absl::Status UsageError(absl::string_view text) {
  absl::Status status = absl::InvalidArgumentError(text);
  status.SetPayload(kUsageUrl, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kUsageUrl).has_value(); }

}  // namespace lossd::cli
