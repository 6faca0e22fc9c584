// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Many connections of clients that do what no gRPC client does.

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_CROWD_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_CROWD_H_

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/support/http2/rogue_connection.h"
#include "tests/support/http2/rogue_plan.h"

namespace lossd::testing {

// Makes connections and drives them on one thread of its own, from Add to its destruction, which drops them.
// Thread-safe.
class RogueCrowd {
 public:
  RogueCrowd();
  ~RogueCrowd();

  // So many connections more, to "host:port". UNAVAILABLE if the server takes no more.
  absl::Status Add(const std::string& address, const RoguePlan& plan, int connections);

  // Waits until every open call has sent what it was to; false if `longest` passes first.
  bool AwaitSent(absl::Duration longest);

  // Waits until every call has ended, or until `longest` has passed; what became of them.
  std::vector<Ending> Await(absl::Duration longest);

 private:
  void Run();
  bool AllHaveSent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AllEnded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Lets every open connection advance.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Waits, for a short time, for a socket that is ready.
  void WaitForSockets();

  absl::Mutex mu_;
  std::list<RoguePlan> plans_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<RogueConnection>> connections_ ABSL_GUARDED_BY(mu_);
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Last: uses all of the above.
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_CROWD_H_
