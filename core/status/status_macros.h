// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Early return on errors. The shape is that of newer Abseil releases' ABSL_RETURN_IF_ERROR and
// ABSL_ASSIGN_OR_RETURN, to which these shrink once Abseil is new enough.
//
//   absl::StatusOr<Plan> Prepare(const Request& request) {
//     LOSSD_RETURN_IF_ERROR(Check(request));
//     LOSSD_ASSIGN_OR_RETURN(const Shape shape, ShapeOf(request));
//     ...
//
// They return from the enclosing function, or lambda, which returns an absl::Status or StatusOr. Nothing is added to
// the status: whoever makes one says all there is to say.

#ifndef LOSSD_CORE_STATUS_STATUS_MACROS_H_
#define LOSSD_CORE_STATUS_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Evaluates `expression`, an absl::Status, once, and returns it from the enclosing function unless it is OK. One
// statement.
#define LOSSD_RETURN_IF_ERROR(expression)          \
  do {                                             \
    absl::Status lossd_status_ = (expression);     \
    if (!lossd_status_.ok()) return lossd_status_; \
  } while (false)

#define LOSSD_STATUS_CONCAT_INNER_(a, b) a##b
#define LOSSD_STATUS_CONCAT_(a, b) LOSSD_STATUS_CONCAT_INNER_(a, b)
#define LOSSD_ASSIGN_OR_RETURN_(result, target, expression) \
  auto result = (expression);                               \
  if (!result.ok()) return std::move(result).status();      \
  target = *std::move(result)

// Evaluates `expression`, an absl::StatusOr, and moves its value into `target` (which may be a declaration), or returns
// its status from the enclosing function. Several statements: not behind an `if` without braces, and a type with a
// comma in it needs a name of its own first.
#define LOSSD_ASSIGN_OR_RETURN(target, expression) \
  LOSSD_ASSIGN_OR_RETURN_(LOSSD_STATUS_CONCAT_(lossd_result_, __LINE__), target, expression)

#endif  // LOSSD_CORE_STATUS_STATUS_MACROS_H_
