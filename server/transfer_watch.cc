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
  End();
  watch_ = std::exchange(other.watch_, nullptr);
  entry_ = other.entry_;
  return *this;
}

void TransferWatch::Transfer::End() {
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->Remove(entry_);
}

TransferWatch::TransferWatch(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  thread_.emplace("lossd-transfer", timeout / kSweepsPerTimeout, [this] { Sweep(); });
}

TransferWatch::Transfer TransferWatch::Begin(Cut cut) {
  if (!thread_.has_value()) return Transfer();
  absl::MutexLock lock(&mu_);
  return Transfer(this, entries_.insert(entries_.end(), Entry{sweeps_, std::move(cut)}));
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
    ++sweeps_;
    for (Entry& entry : entries_) {
      if (sweeps_ - entry.begun <= kSweepsPerTimeout) break;
      if (entry.cut) overdue.push_back(std::exchange(entry.cut, Cut()));
    }
  }
  for (Cut& cut : overdue) cut();
}

}  // namespace lossd
