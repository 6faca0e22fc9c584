// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/opening_pace.h"

#include <time.h>

namespace lossd {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

void OpeningPressure::Add(int64_t calls, int64_t now_ns) {
  const int64_t second = now_ns / kSecondNs;
  int64_t last = second_.load(std::memory_order_relaxed);
  if (last != second && second_.compare_exchange_strong(last, second, std::memory_order_relaxed)) {
    const int64_t of_last = calls_.exchange(0, std::memory_order_relaxed);
    before_.store(second == last + 1 ? of_last : 0, std::memory_order_relaxed);
  }
  calls_.fetch_add(calls, std::memory_order_relaxed);
}

bool OpeningPressure::IsHigh(int64_t now_ns) const {
  const int64_t age = now_ns / kSecondNs - second_.load(std::memory_order_relaxed);
  const int64_t calls = calls_.load(std::memory_order_relaxed);
  return age <= 1 && calls + (age == 0 ? before_.load(std::memory_order_relaxed) : 0) > kPressing;
}

OpeningPressure& OpeningPressure::Global() {
  static OpeningPressure* const pressure = new OpeningPressure();
  return *pressure;
}

int64_t OpeningPace::NowNs() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return int64_t{time.tv_sec} * kSecondNs + time.tv_nsec;
}

bool OpeningPace::Look(int64_t opened, int64_t ended, int64_t now_ns, OpeningPressure& pressure) {
  next_look_ = opened + kStep;
  const int64_t calls = opened - opened_;
  const int64_t unfinished = calls - (ended - ended_);
  const bool most_unfinished = 2 * unfinished > calls;
  if (now_ns - begin_ns_ >= kSecondNs || !most_unfinished) {
    begin_ns_ = now_ns;
    opened_ = opened;
    ended_ = ended;
    return false;
  }
  pressure.Add(kStep, now_ns);
  return calls >= (pressure.IsHigh(now_ns) ? kMostUnderPressure : kMost);
}

}  // namespace lossd
