// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells whether the threads that wait in completion queues keep up with what these report.

#ifndef LOSSD_SERVER_RPC_QUEUE_PULSE_H_
#define LOSSD_SERVER_RPC_QUEUE_PULSE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/alarm.h"
#include "server/rpc/completion.h"

namespace lossd {

// Puts something into each queue that it watches and sees whether it comes out again. Thread-safe. Outlives what it
// watches.
class QueuePulse {
 public:
  QueuePulse() = default;
  QueuePulse(const QueuePulse&) = delete;
  QueuePulse& operator=(const QueuePulse&) = delete;

  // Call once, when threads wait in the queues.
  void Watch(const std::vector<std::unique_ptr<CallQueue>>& queues);
  // Puts nothing in any more. Before the queues are shut down.
  void Stop();

  // Whether all has come out that was put in when this was asked last; if so, puts in something again. Never says no
  // before Watch nor after Stop.
  bool KeepsUp();

 private:
  struct Beat {
    explicit Beat(CallQueue& watched) : queue(watched) {}
    CallQueue& queue;
    grpc::Alarm alarm;
  };

  void OnBeat();

  absl::Mutex mu_;
  std::list<Beat> beats_ ABSL_GUARDED_BY(mu_);
  bool watching_ ABSL_GUARDED_BY(mu_) = false;
  size_t under_way_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_QUEUE_PULSE_H_
