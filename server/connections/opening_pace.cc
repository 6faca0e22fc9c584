// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/opening_pace.h"

#include <time.h>

#include <algorithm>
#include <utility>

namespace lossd {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

int64_t CallCounts::UnderWay(int64_t forgiven_per_second, int64_t now_ns) {
  constexpr int64_t kLongestNs = 60 * kSecondNs;
  absl::MutexLock lock(&mu_);
  const int64_t ended = ended_.load(std::memory_order_relaxed);
  const int64_t unfinished = std::max<int64_t>(0, opened() - ended);
  now_ns = std::max(now_ns, last_ns_);
  const int64_t last_ns = std::exchange(last_ns_, now_ns);
  const int64_t in_time = last_ns == 0 ? 0 : std::min(now_ns - last_ns, kLongestNs) * forgiven_per_second / kSecondNs;
  forgiven_ += std::min(in_time, ended - std::exchange(last_ended_, ended));
  forgiven_ = std::min(forgiven_, unfinished);
  return unfinished - forgiven_;
}

OpeningPressure::Level OpeningPressure::Look(int64_t now_ns) {
  const int64_t calls = calls_.UnderWay(kForgivenPerSecond, now_ns);
  return calls > 2 * kPressing ? Level::kHard : calls > kPressing ? Level::kPressing : Level::kNone;
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

CallsUnderWay::State CallsUnderWay::Look(int64_t forgiven_per_second, int64_t now_ns) {
  return {calls_.UnderWay(forgiven_per_second, now_ns), all_.Look(now_ns)};
}

bool OpeningPace::Look(int64_t opened, CallsUnderWay& all, int64_t now_ns) {
  next_look_ = opened + calls_ / 4;
  const int64_t all_opened = all.opened();
  const int64_t own_calls = opened - std::exchange(opened_, opened);
  const int64_t all_calls = std::max<int64_t>({1, own_calls, all_opened - std::exchange(all_opened_, all_opened)});
  const CallsUnderWay::State state = all.Look(calls_, now_ns);
  const int64_t under_way = state.under_way * own_calls / all_calls;
  switch (state.level) {
    case OpeningPressure::Level::kNone:
      return under_way >= 4 * calls_;
    case OpeningPressure::Level::kPressing:
      return under_way >= 2 * calls_;
    case OpeningPressure::Level::kHard:
      return under_way >= calls_ + calls_ / 4;
  }
  return false;
}

}  // namespace lossd
