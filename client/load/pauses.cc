// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/pauses.h"

#include <utility>

namespace lossd::load {

Pauses::Pauses(Clock& clock) : clock_(clock), thread_([this] { Run(); }) {}

Pauses::~Pauses() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void Pauses::Add(absl::Time time, Work work) {
  absl::MutexLock lock(&mu_);
  waiting_.emplace(time, std::move(work));
}

void Pauses::End() {
  absl::MutexLock lock(&mu_);
  ended_ = true;
}

void Pauses::Allow() {
  absl::MutexLock lock(&mu_);
  ended_ = false;
}

bool Pauses::IsDue() const {
  return !waiting_.empty() && (ended_ || stopping_ || waiting_.begin()->first <= clock_.TimeNow());
}

bool Pauses::HasNews() const {
  return stopping_ || (!waiting_.empty() && (ended_ || waiting_.begin()->first < awaited_));
}

void Pauses::Run() {
  absl::MutexLock lock(&mu_);
  while (!stopping_ || !waiting_.empty()) {
    if (IsDue()) {
      Work work = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      mu_.Unlock();
      std::move(work)();
      mu_.Lock();
      continue;
    }
    awaited_ = waiting_.empty() ? absl::InfiniteFuture() : waiting_.begin()->first;
    const absl::Condition has_news(this, &Pauses::HasNews);
    waiting_.empty() ? mu_.Await(has_news) : static_cast<void>(clock_.AwaitWithDeadline(&mu_, has_news, awaited_));
  }
}

}  // namespace lossd::load
