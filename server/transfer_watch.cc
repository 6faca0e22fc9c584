// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/transfer_watch.h"

#include <pthread.h>

#include <utility>
#include <vector>

namespace lossd {
namespace {

constexpr int kSweepsPerTimeout = 4;

}  // namespace

TransferWatch::Transfer::Transfer(Transfer&& other) noexcept
    : watch_(std::exchange(other.watch_, nullptr)), entry_(other.entry_) {}

TransferWatch::Transfer& TransferWatch::Transfer::operator=(Transfer&& other) noexcept {
  if (this == &other) return *this;
  End();
  watch_ = std::exchange(other.watch_, nullptr);
  entry_ = other.entry_;
  return *this;
}

void TransferWatch::Transfer::End() {
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->Remove(entry_);
}

TransferWatch::TransferWatch(absl::Duration timeout, Clock& clock)
    : period_(timeout / kSweepsPerTimeout), clock_(clock) {
  if (timeout == absl::InfiniteDuration()) return;
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "lossd-transfer");
    Run();
  });
}

TransferWatch::~TransferWatch() {
  {
    absl::MutexLock lock(&stop_mu_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

TransferWatch::Transfer TransferWatch::Begin(Cut cut) {
  if (!thread_.joinable()) return Transfer();
  absl::MutexLock lock(&mu_);
  return Transfer(this, entries_.insert(entries_.end(), Entry{sweeps_, std::move(cut)}));
}

void TransferWatch::Remove(std::list<Entry>::iterator entry) {
  std::list<Entry> removed;  // What it holds is let go of without the lock.
  absl::MutexLock lock(&mu_);
  removed.splice(removed.begin(), entries_, entry);
}

void TransferWatch::Run() {
  while (true) {
    {
      absl::MutexLock lock(&stop_mu_);
      if (clock_.AwaitWithDeadline(&stop_mu_, absl::Condition(&stopping_), clock_.TimeNow() + period_)) return;
    }
    Sweep();
  }
}

void TransferWatch::Sweep() {
  std::vector<Cut> overdue;
  {
    absl::MutexLock lock(&mu_);
    ++sweeps_;
    for (Entry& entry : entries_) {
      if (sweeps_ - entry.begun <= kSweepsPerTimeout) break;
      if (entry.cut) overdue.push_back(std::exchange(entry.cut, Cut()));
    }
  }
  for (Cut& cut : overdue) cut();
}

}  // namespace lossd
