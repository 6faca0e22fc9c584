// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/last_resort.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace lossd {

LastResort::LastResort(absl::Duration allowance, std::function<void()> act)
    : allowance_(std::min(allowance, absl::Hours(24 * 365))), act_(std::move(act)), thread_([this] { Watch(); }) {}

LastResort::~LastResort() {
  {
    const std::lock_guard lock(mu_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LastResort::Begin() {
  {
    const std::lock_guard lock(mu_);
    begun_ = true;
  }
  changed_.notify_all();
}

void LastResort::Watch() {
  pthread_setname_np(pthread_self(), "lossd-stop");
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] { return begun_ || over_; });
  const auto end = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(allowance_);
  if (changed_.wait_until(lock, end, [this] { return over_; })) return;
  lock.unlock();
  act_();
}

}  // namespace lossd
