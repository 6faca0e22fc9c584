// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Remembers how long the batches of a key took.

#ifndef LOSSD_CORE_SCHEDULING_RUN_TIMES_H_
#define LOSSD_CORE_SCHEDULING_RUN_TIMES_H_

#include <cstddef>
#include <list>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lossd {

// The shortest run of each key, for the keys seen last. The shortest, since it is what a deadline must leave at least:
// whoever is refused for less could not have been served in time, whatever else went on. Not thread-safe; callers hold
// their own lock. A look-up takes constant time.
class RunTimes {
 public:
  // Runs of a key before its shortest counts as known: a few first ones, on cold caches, would refuse what there is
  // time for.
  static constexpr int kEnoughRuns = 20;
  // Bounds what clients that never send the same shape twice can make this keep.
  static constexpr size_t kMaxKeys = 1024;

  // Keeps at most `max_keys` >= 1 keys and forgets those first that were recorded longest ago.
  explicit RunTimes(size_t max_keys = kMaxKeys) : max_keys_(max_keys) {}

  // A batch of `key` took `run`. Copies the key if it is new.
  void Record(absl::string_view key, absl::Duration run);

  // The shortest recorded run, of whatever batches; nullopt before kEnoughRuns of them. Never grows, unless the key is
  // forgotten.
  std::optional<absl::Duration> Shortest(absl::string_view key) const;

 private:
  struct Entry {
    std::string key;
    absl::Duration shortest;
    int runs = 0;
  };

  const size_t max_keys_;
  std::list<Entry> entries_;                                                   // The latest recorded first.
  absl::flat_hash_map<absl::string_view, std::list<Entry>::iterator> by_key_;  // Views of the entries' keys.
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_RUN_TIMES_H_
