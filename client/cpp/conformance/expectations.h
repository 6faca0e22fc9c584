// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a case expects, held against what came.

#ifndef LOSSD_CLIENT_CPP_CONFORMANCE_EXPECTATIONS_H_
#define LOSSD_CLIENT_CPP_CONFORMANCE_EXPECTATIONS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/compute_response.h"
#include "client/cpp/conformance/case_message.h"

namespace lossd::conformance {

// OK if `got` is what `message` expects; else an error that says what was expected and what came.
absl::Status Check(const absl::StatusOr<client::ComputeResponse>& got, const CaseMessage& message);

}  // namespace lossd::conformance

#endif  // LOSSD_CLIENT_CPP_CONFORMANCE_EXPECTATIONS_H_
