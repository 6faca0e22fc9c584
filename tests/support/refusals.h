// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Expects that a loss refuses a case, and what it says.

#ifndef LOSSD_TESTS_SUPPORT_REFUSALS_H_
#define LOSSD_TESTS_SUPPORT_REFUSALS_H_

#include <string>

#include "core/losses/registry.h"
#include "core/status/errors.h"
#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {

// Refused with text "field: description", as an error about `field`.
inline void ExpectRefused(const TestCase& test_case, const std::string& field, const std::string& description) {
  const auto result = RunAlone(*MakeTileLoss(test_case.request.loss), test_case);
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument, field + ": " + description));
  if (result.ok()) return;
  EXPECT_EQ(GetFieldViolation(result.status())->field, field);
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_REFUSALS_H_
