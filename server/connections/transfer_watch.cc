// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/transfer_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace lossd {
namespace {

constexpr int kSweepsPerTimeout = 4;
constexpr int kAttempts = 2;  // To cut a transfer.

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

void TransferWatch::Transfer::Begin(Direction direction) {
  if (watch_ == nullptr) return;
  entry_->begun[static_cast<int>(direction)].store(watch_->sweeps_.load(std::memory_order_relaxed),
                                                   std::memory_order_relaxed);
}

void TransferWatch::Transfer::End(Direction direction) {
  if (watch_ != nullptr) entry_->begun[static_cast<int>(direction)].store(kNever, std::memory_order_relaxed);
}

void TransferWatch::Transfer::Leave() {
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->Remove(entry_);
}

TransferWatch::TransferWatch(absl::Duration timeout, std::function<bool()> keeps_up) : keeps_up_(std::move(keeps_up)) {
  if (timeout == absl::InfiniteDuration()) return;
  thread_.emplace("lossd-transfer", timeout / kSweepsPerTimeout, [this] { Sweep(); });
}

TransferWatch::Transfer TransferWatch::Watch(Cut cut, Idle idle) {
  if (!thread_.has_value()) return Transfer();
  absl::MutexLock lock(&mu_);
  return Transfer(this, entries_.emplace(entries_.end(), std::move(cut), std::move(idle)));
}

void TransferWatch::Remove(std::list<Entry>::iterator entry) {
  std::list<Entry> removed;  // What it holds is let go of without the lock.
  absl::MutexLock lock(&mu_);
  removed.splice(removed.begin(), entries_, entry);
}

void TransferWatch::Sweep() {
  if (!keeps_up_()) return;
  std::vector<std::pair<Cut, Attempt>> overdue;
  {
    absl::MutexLock lock(&mu_);
    const int64_t latest = sweeps_.fetch_add(1, std::memory_order_relaxed) - kSweepsPerTimeout;
    for (Entry& entry : entries_) {
      std::atomic<int64_t>& in = entry.begun[static_cast<int>(Direction::kIn)];
      int64_t begun_in = in.load(std::memory_order_relaxed);
      // Lost where another one has begun, or it has ended, in this moment: then that counts.
      if (begun_in != kNever && entry.idle && entry.idle())
        in.compare_exchange_strong(begun_in, latest + kSweepsPerTimeout + 1);
      const int64_t begun =
          std::min(entry.begun[0].load(std::memory_order_relaxed), entry.begun[1].load(std::memory_order_relaxed));
      if (begun > latest || entry.attempts == kAttempts) continue;
      overdue.emplace_back(entry.cut, entry.attempts++ == 0 ? Attempt::kFirst : Attempt::kLast);
    }
  }
  for (const auto& [cut, attempt] : overdue) cut(attempt);
}

}  // namespace lossd
