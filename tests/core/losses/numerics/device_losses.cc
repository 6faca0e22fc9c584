// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/device_losses.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {

double ShareOnDevice(const TestCase& test_case) {
  const Loss& loss = DeviceLosses().For(test_case.request.loss);
  const auto result = RunAlone(loss, test_case);
  EXPECT_OK(result);
  if (!result.ok()) return std::numeric_limits<double>::infinity();
  return WorstShareOf(test_case, *result, Exactly(loss, test_case, *result));
}

}  // namespace lossd::testing
