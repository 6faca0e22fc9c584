// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What happens when something takes longer than it may.

#ifndef LOSSD_SERVER_PROCESS_LAST_RESORT_H_
#define LOSSD_SERVER_PROCESS_LAST_RESORT_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace lossd {

// Acts once, unless it is destroyed before. Its thread is there from the start: when it is needed there may be no room
// for one. Goes by a clock that nobody sets. Thread-safe.
class LastResort {
 public:
  // `act` is called on a thread of its own, `allowance` after Begin, and does not throw.
  LastResort(absl::Duration allowance, std::function<void()> act);
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;
  // Waits for `act`, if that is under way.
  ~LastResort();

  // The time begins. The first call counts.
  void Begin();

 private:
  void Watch();

  const absl::Duration allowance_;
  const std::function<void()> act_;
  std::mutex mu_;
  std::condition_variable changed_;
  bool begun_ = false;  // Guarded by mu_, as the next one.
  bool over_ = false;
  std::thread thread_;  // Last: uses all of the above.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_LAST_RESORT_H_
