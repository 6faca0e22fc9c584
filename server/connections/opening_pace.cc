// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/opening_pace.h"

#include <time.h>

#include <algorithm>
#include <utility>

namespace lossd {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

// What is forgiven at `per_second` since `last_ns`, 0 for never, which becomes `now_ns`.
int64_t Forgiven(int64_t& last_ns, int64_t now_ns, int64_t per_second) {
  constexpr int64_t kLongestNs = 60 * kSecondNs;
  const int64_t last = std::exchange(last_ns, now_ns);
  return last == 0 ? 0 : std::min(now_ns - last, kLongestNs) * per_second / kSecondNs;
}

}  // namespace

OpeningPressure::Level OpeningPressure::Add(int64_t calls, int64_t now_ns) {
  absl::MutexLock lock(&mu_);
  calls_ = std::max<int64_t>(0, calls_ + calls - Forgiven(last_ns_, std::max(now_ns, last_ns_), kForgivenPerSecond));
  return calls_ > 2 * kPressing ? Level::kHard : calls_ > kPressing ? Level::kPressing : Level::kNone;
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

CallsUnderWay::State CallsUnderWay::Look(int64_t forgiven_per_second, int64_t now_ns, OpeningPressure& pressure) {
  absl::MutexLock lock(&mu_);
  const int64_t unfinished = opened_.load(std::memory_order_relaxed) - ended_.load(std::memory_order_relaxed);
  forgiven_ += Forgiven(last_ns_, std::max(now_ns, last_ns_), forgiven_per_second);
  forgiven_ = std::min(forgiven_, unfinished);
  const int64_t before = std::exchange(under_way_, unfinished - forgiven_);
  return {under_way_, pressure.Add(under_way_ - before, now_ns)};
}

bool OpeningPace::Look(int64_t opened, CallsUnderWay& all, int64_t now_ns, OpeningPressure& pressure) {
  next_look_ = opened + calls_;
  const int64_t all_opened = all.opened();
  const int64_t own_calls = opened - std::exchange(opened_, opened);
  const int64_t all_calls = std::max<int64_t>({1, own_calls, all_opened - std::exchange(all_opened_, all_opened)});
  const CallsUnderWay::State state = all.Look(calls_, now_ns, pressure);
  const int64_t under_way = state.under_way * own_calls / all_calls;
  switch (state.level) {
    case OpeningPressure::Level::kNone:
      return under_way >= 4 * calls_;
    case OpeningPressure::Level::kPressing:
      return under_way >= 2 * calls_;
    case OpeningPressure::Level::kHard:
      return under_way >= calls_ + calls_ / 2;
  }
  return false;
}

}  // namespace lossd
