// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/recording.h"

namespace lossd::load {

void Recording::AddCall(const CallOutcome& outcome) {
  if (outcome.withdrawn) {
    ++withdrawn;
    return;
  }
  checked += outcome.check != CallOutcome::Check::kNone;
  different += outcome.check == CallOutcome::Check::kDifferent;
  if (outcome.had_room) lag.Add(outcome.started - outcome.intended);
  if (!outcome.status.ok()) {
    ErrorCount& error = errors[outcome.status.code()];
    if (error.calls++ == 0) error.example = std::string(outcome.status.message());
    error.time.Add(outcome.finished - outcome.intended);
    provoked += outcome.provoked;
    return;
  }
  ++succeeded;
  latency.Add(outcome.finished - outcome.intended);
  service.Add(outcome.finished - outcome.started);
}

void Recording::AddAnswer(const CallOutcome& outcome) {
  if (outcome.withdrawn) return;
  received_bytes += outcome.received_bytes;
  if (outcome.status.ok()) answers.Add(outcome.finished - outcome.intended);
}

void Recording::Add(const CallOutcome& outcome) {
  AddCall(outcome);
  AddAnswer(outcome);
}

void Recording::AddUnstarted(int64_t arrivals) {
  skipped += arrivals;
  unstarted += arrivals;
}

void Recording::Merge(const Recording& other) {
  succeeded += other.succeeded;
  skipped += other.skipped;
  unstarted += other.unstarted;
  received_bytes += other.received_bytes;
  checked += other.checked;
  different += other.different;
  latency.Merge(other.latency);
  service.Merge(other.service);
  lag.Merge(other.lag);
  answers.Merge(other.answers);
  provoked += other.provoked;
  withdrawn += other.withdrawn;
  for (const auto& [code, count] : other.errors) {
    ErrorCount& error = errors[code];
    if (error.calls == 0) error.example = count.example;
    error.calls += count.calls;
    error.time.Merge(count.time);
  }
}

int64_t Recording::failed() const {
  int64_t calls = 0;
  for (const auto& [code, count] : errors) calls += count.calls;
  return calls;
}

double Recording::ErrorRate() const {
  const int64_t bad = failed() - provoked + skipped;
  return bad == 0 ? 0 : static_cast<double>(bad) / static_cast<double>(bad + succeeded);
}

}  // namespace lossd::load
