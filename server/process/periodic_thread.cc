// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/periodic_thread.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace lossd {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24 * 365);  // What the clock's type can add to its time.

}  // namespace

PeriodicThread::PeriodicThread(const char* name, absl::Duration period, std::function<void()> work)
    : period_(std::min(period, kLongest)), work_(std::move(work)), thread_([this, name] {
        pthread_setname_np(pthread_self(), name);
        Run();
      }) {}

PeriodicThread::~PeriodicThread() {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void PeriodicThread::RunSoon() {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    due_ = true;
  }
  wake_.notify_one();
}

void PeriodicThread::Run() {
  std::unique_lock<std::mutex> lock(mu_);
  while (true) {
    wake_.wait_for(lock, absl::ToChronoNanoseconds(period_), [this] { return stopping_ || due_; });
    if (stopping_) return;
    due_ = false;
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace lossd
