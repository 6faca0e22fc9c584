// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/header_budget.h"

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "proto/wire/limits.h"

namespace lossd::wire {

absl::Status HeaderBudget::Charge(int64_t bytes) {
  charged_ += bytes;
  if (charged_ <= kMaxHeaderBytes) return absl::OkStatus();
  return InvalidField("message", absl::StrCat("expected at most ", kMaxHeaderBytes,
                                              " bytes outside Tensor.data, got at least ", charged_));
}

}  // namespace lossd::wire
