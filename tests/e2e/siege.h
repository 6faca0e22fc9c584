// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A real server with credentials, a client that is in order, and a crowd of others.

#ifndef LOSSD_TESTS_E2E_SIEGE_H_
#define LOSSD_TESTS_E2E_SIEGE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/e2e/bystander.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/http2/rogue_crowd.h"
#include "tests/support/http2/rogue_plan.h"

namespace lossd::testing {

// Not thread-safe.
class Siege {
 public:
  struct Options {
    bool tls = false;
    bool tokens = true;                   // Whether the server asks for one.
    std::vector<std::string> flags = {};  // Beside those for the credentials and --transfer_timeout.
  };

  static constexpr absl::Duration kTransferTimeout = absl::Seconds(2);
  // Until then a call that transfers has been cut off: five quarters of that after it has begun, of streams one more,
  // as they are seen to begin at a sweep; and half a second for a crowd to begin.
  static constexpr absl::Duration kCutOff = absl::Milliseconds(3500);

  // Starts the server and makes some calls, in peace.
  explicit Siege(const Options& options);

  WatchedServer& server() { return *server_; }
  Bystander& bystander() { return *bystander_; }
  const std::string& serving_address() const { return server_->address(); }
  const std::string& admin_address() const { return server_->admin_address(); }

  // So many connections of `plan` more, with the server's TLS and, if asked for, its token.
  void Add(const std::string& address, RoguePlan plan, bool with_token, int connections);

  // Waits until the crowd has sent all that it is going to.
  void AwaitSent() { EXPECT_TRUE(crowd_->AwaitSent(absl::Seconds(30))); }

  // While calls are open, for `longest` at most, the bystander calls; fails the test for each call of his that fails.
  // Prints `what`, his latencies, the peak of memory, and when the calls ended. What became of the calls.
  std::vector<Ending> Hold(const std::string& what, absl::Duration longest);

  // The same without the bystander.
  std::vector<Ending> Endure(const std::string& what, absl::Duration longest);

  // Most resident memory since the siege began, less what it was then, in MB.
  double Megabytes() const { return server_->PeakMegabytes() - before_; }

  // Lets the crowd go; the server serves a new client, holds no bytes, and stops.
  void Lift();

 private:
  BystanderOptions Credentials() const;
  void Print(const std::string& what, const std::vector<Ending>& endings) const;

  const Options options_;
  const CredentialFolder folder_;
  std::string root_;
  std::unique_ptr<WatchedServer> server_;
  std::unique_ptr<Bystander> bystander_;
  std::unique_ptr<RogueCrowd> crowd_;
  double before_ = 0;
};

// Fails the test for calls of `endings` that were still open at Siege::kCutOff after they began.
void ExpectCutOff(const std::vector<Ending>& endings);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_E2E_SIEGE_H_
