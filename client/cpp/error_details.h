// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a failed call's status says beyond code and text.

#ifndef LOSSD_CLIENT_CPP_ERROR_DETAILS_H_
#define LOSSD_CLIENT_CPP_ERROR_DETAILS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace lossd::client {

// The details the server attached; empty where it attached none. INVALID_ARGUMENT has a field violation where one field
// is to blame; RESOURCE_EXHAUSTED a quota violation, and a retry delay where waiting can help, as UNAVAILABLE of a
// server that drains.
struct ErrorDetails {
  struct FieldViolation {
    std::string field;        // `inputs[anchor.1].shape`.
    std::string description;  // Expectation and value.
  };
  struct QuotaViolation {
    std::string subject;      // The limit: the server's flag, if one sets it.
    std::string description;  // Limit and value.
  };
  // In the order in which the server named them; of this version at most one of each kind.
  std::vector<FieldViolation> field_violations;
  std::vector<QuotaViolation> quota_violations;
  // Set where the same request may succeed later: how long to wait first.
  std::optional<absl::Duration> retry_delay;
};

// The details of a status that Client returned. Statuses without details, or from elsewhere, have empty ones. Parses
// them anew at each call. Thread-safe.
ErrorDetails DetailsOf(const absl::Status& status);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_ERROR_DETAILS_H_
