// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A real server that a test looks at from outside.

#ifndef LOSSD_TESTS_E2E_WATCHED_SERVER_H_
#define LOSSD_TESTS_E2E_WATCHED_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "lossd/v1/loss_service.grpc.pb.h"
#include "tests/support/server_process.h"

namespace lossd::testing {

// A channel of its own to `address`, connected, as gRPC makes it by default but with no limit on messages. With TLS
// where the PEM text of the server's authority is given.
std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address, const std::string& tls_root = "");

// nt_xent over out_1 and out_2, [rows, columns].
v1::ComputeRequest ContrastRequest(int64_t rows, int64_t columns);
// squared_norm over x.0, [elements].
v1::ComputeRequest NormRequest(int64_t elements);

// The binary, its /metrics, and what it takes of the system. Not thread-safe.
class WatchedServer {
 public:
  // As ServerProcess::Start, which fails the test if it fails.
  explicit WatchedServer(const std::vector<std::string>& flags);

  ServerProcess& process() { return *process_; }
  const std::string& address() const { return process_->address(); }
  const std::string& admin_address() const { return process_->admin_address(); }

  // Value of a series, as "name{labels}", now. Fails the test, and is NaN, if there is none.
  double Metric(const std::string& series) const;
  // Waits until the series is there and has `value`, or fails the test after `timeout`.
  void AwaitMetric(const std::string& series, double value, absl::Duration timeout = absl::Seconds(60)) const;

  // Largest resident memory in MB (10^6 bytes) since the start or since ForgetPeak, and that of now. Fail the test, and
  // are NaN, which no bound takes in, if the system does not say, as of a process that has ended.
  double PeakMegabytes() const;
  double Megabytes() const;
  // Fails the test if the system does not forget it.
  void ForgetPeak() const;
  int64_t OpenFiles() const;

  // Stops it; everything that it has logged.
  std::string StopAndGetLog();

 private:
  // Value of a series in `page`, with "\n" in front; nullopt if there is none.
  static std::optional<double> Find(const std::string& page, const std::string& series);
  // /metrics as it is now, with "\n" in front.
  std::string Page() const;
  double StatusKilobytes(const std::string& field) const;

  std::unique_ptr<ServerProcess> process_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_E2E_WATCHED_SERVER_H_
