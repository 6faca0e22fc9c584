// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes calls go wrong on purpose, to see that the server bears it.

#ifndef LOSSD_CLIENT_LOAD_CHAOS_H_
#define LOSSD_CLIENT_LOAD_CHAOS_H_

#include <atomic>
#include <cstdint>
#include <random>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace lossd::load {

enum class ChaosKind {
  kCancel,         // Unary calls are cancelled at random times.
  kShortDeadline,  // Unary calls have random, mostly too short deadlines.
  kDisconnect,     // Beside the load, connections are dropped in the middle of a request.
  kSlowReader,     // Streams wait at random before they read.
};

// As on the command line: "cancel", "short-deadline", "disconnect", "slow-reader".
absl::string_view ChaosName(ChaosKind kind);
// What it does to calls, as it is counted: "calls cancelled" and so on.
absl::string_view ChaosDeeds(ChaosKind kind);

// Draws what happens to each call. Equal seeds draw the same, in the order in which threads ask. Thread-safe.
class Chaos {
 public:
  Chaos(ChaosKind kind, uint64_t seed) : kind_(kind), random_(seed) {}

  ChaosKind kind() const { return kind_; }
  // Counts what has been disturbed: a call cancelled or in haste, a connection dropped, a read delayed.
  void Count() { ++disturbances_; }
  int64_t disturbances() const { return disturbances_; }
  // From 20 microseconds to 100 ms, every order of magnitude alike.
  absl::Duration NextDelay();
  // A share of a whole, uniform in [0, 1).
  double NextShare();

 private:
  const ChaosKind kind_;
  std::atomic<int64_t> disturbances_{0};
  absl::Mutex mu_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_CHAOS_H_
