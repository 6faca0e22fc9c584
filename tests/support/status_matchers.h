// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// GoogleMock matchers and macros for absl::Status. The shape is that of newer Abseil releases.

#ifndef LOSSD_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define LOSSD_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Matches a Status or StatusOr with this code whose text matches `message`.
MATCHER_P2(StatusIs, code, message,
           "has code " + absl::StatusCodeToString(code) + " and a text that " +
               ::testing::DescribeMatcher<std::string>(message, negation)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status;
  return status.code() == code && ::testing::Matches(message)(std::string(status.message()));
}

// Matches a Status or StatusOr with this code.
MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg);
  return StatusOf(arg).code() == code;
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg);
  return StatusOf(arg).ok();
}

// Matches a StatusOr that is OK and has this value.
MATCHER_P(IsOkAndHolds, value, "is OK and holds " + ::testing::PrintToString(value)) {
  *result_listener << StatusOf(arg);
  return arg.ok() && *arg == value;
}

}  // namespace lossd::testing

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::lossd::testing::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::lossd::testing::IsOk())

#define LOSSD_TEST_CONCAT_INNER_(a, b) a##b
#define LOSSD_TEST_CONCAT_(a, b) LOSSD_TEST_CONCAT_INNER_(a, b)
#define ASSERT_OK_AND_ASSIGN_(result, target, expression) \
  auto result = (expression);                             \
  ASSERT_OK(result);                                      \
  target = *std::move(result)
// Moves the value of a StatusOr into `target`, or fails the test.
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_(LOSSD_TEST_CONCAT_(result_, __LINE__), target, expression)

#endif  // LOSSD_TESTS_SUPPORT_STATUS_MATCHERS_H_
