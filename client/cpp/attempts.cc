// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/attempts.h"

#include <cstdint>
#include <random>

#include "absl/strings/numbers.h"
#include "client/cpp/error_details.h"
#include "client/cpp/grpc_status.h"

namespace lossd::client {
namespace {

double Chance(double low, double high) {
  std::random_device device;
  return std::uniform_real_distribution<double>(low, high)(device);
}

// The delay that a server names; nullopt if none, or if it wants no other attempt.
std::optional<absl::Duration> NamedDelay(const absl::Status& status, const std::string& pushback) {
  if (pushback.empty()) return DetailsOf(status).retry_delay;
  uint32_t milliseconds = 0;
  if (!absl::SimpleAtoi(pushback, &milliseconds)) return std::nullopt;
  return absl::Milliseconds(milliseconds);
}

}  // namespace

std::optional<absl::Time> Attempts::Next(const absl::Status& status, const std::string& pushback, absl::Time now) {
  const std::optional<absl::Duration> delay = NamedDelay(status, pushback);
  const bool forbidden = !pushback.empty() && !delay.has_value();
  if (forbidden || options_->patience <= absl::ZeroDuration() || !MayPass(status, delay.has_value())) {
    return std::nullopt;
  }
  if (failures_ == 0) end_of_patience_ = now + options_->patience;
  const absl::Duration doubled =
      std::min(options_->initial_backoff * (1 << std::min(failures_, 16)), options_->max_backoff);
  ++failures_;
  const absl::Time next =
      now + std::max(doubled * Chance(0.8, 1.2), delay.value_or(absl::ZeroDuration()) * Chance(1, 1.2));
  if (next > end_of_patience_ || next >= deadline_) return std::nullopt;
  return next;
}

bool Attempts::MayPass(const absl::Status& status, bool delay_named) {
  if (absl::IsUnavailable(status)) return !StaysUnavailable(status);
  return absl::IsResourceExhausted(status) && delay_named && failures_ + 1 < options_->max_attempts;
}

}  // namespace lossd::client
