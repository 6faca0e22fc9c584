// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/transfer_watch.h"

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
  Leave();
  watch_ = std::exchange(other.watch_, nullptr);
  entry_ = other.entry_;
  return *this;
}

void TransferWatch::Transfer::Begin() {
  if (watch_ == nullptr) return;
  entry_->begun.store(watch_->sweeps_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

void TransferWatch::Transfer::End() {
  if (watch_ != nullptr) entry_->begun.store(kNever, std::memory_order_relaxed);
}

void TransferWatch::Transfer::Leave() {
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->Remove(entry_);
}

TransferWatch::TransferWatch(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  thread_.emplace("lossd-transfer", timeout / kSweepsPerTimeout, [this] { Sweep(); });
}

TransferWatch::Transfer TransferWatch::Watch(Cut cut) {
  if (!thread_.has_value()) return Transfer();
  absl::MutexLock lock(&mu_);
  return Transfer(this, entries_.emplace(entries_.end(), std::move(cut)));
}

void TransferWatch::Remove(std::list<Entry>::iterator entry) {
  std::list<Entry> removed;  // What it holds is let go of without the lock.
  absl::MutexLock lock(&mu_);
  removed.splice(removed.begin(), entries_, entry);
}

void TransferWatch::Sweep() {
  std::vector<Cut> overdue;
  {
    absl::MutexLock lock(&mu_);
    const int64_t latest = sweeps_.fetch_add(1, std::memory_order_relaxed) - kSweepsPerTimeout;
    for (Entry& entry : entries_) {
      if (entry.begun.load(std::memory_order_relaxed) > latest) continue;
      if (entry.cut) overdue.push_back(std::exchange(entry.cut, Cut()));
    }
  }
  for (Cut& cut : overdue) cut();
}

}  // namespace lossd
