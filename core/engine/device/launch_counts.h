// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How many operations batches append to a device. Counting them costs a batch more than appending some of them, and
// batches of a kind append equally many.

#ifndef LOSSD_CORE_ENGINE_DEVICE_LAUNCH_COUNTS_H_
#define LOSSD_CORE_ENGINE_DEVICE_LAUNCH_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// The counts of batches by their keys. Thread-safe.
class LaunchCounts {
 public:
  // A batch of a key is counted once in so many.
  static constexpr int kPeriod = 64;

  // What the last batch of this key that was counted has appended; nothing where this one is to be counted, the first
  // of its key, and every kPeriodth.
  std::optional<int64_t> Known(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);
  // A batch of this key was counted.
  void Set(const std::string& key, int64_t count) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr size_t kMostKeys = 1024;  // More than these are counted anew, all of them.

  struct Entry {
    int64_t count = 0;
    int left = 0;  // Batches that are not counted.
  };

  absl::Mutex mu_;
  std::unordered_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_DEVICE_LAUNCH_COUNTS_H_
