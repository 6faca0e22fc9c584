// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A well-behaved client beside those that misbehave.

#ifndef LOSSD_TESTS_E2E_BYSTANDER_H_
#define LOSSD_TESTS_E2E_BYSTANDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "client/load/histogram.h"
#include "grpcpp/support/status.h"
#include "lossd/v1/loss_service.grpc.pb.h"

namespace lossd::testing {

// What a server asks of its clients.
struct BystanderOptions {
  std::string tls_root = "";  // The server's authority, PEM; empty: plain text.
  std::string token = "";     // Empty: none.
};

// Makes one call after the other over a connection of its own and expects every one to succeed. Not thread-safe.
class Bystander {
 public:
  explicit Bystander(const std::string& address, const BystanderOptions& options = {});

  // Makes `calls` calls and prints their latencies under `what`.
  void MakeCalls(int64_t calls, const std::string& what);
  // The same, but calls may fail; how many did.
  int64_t TryCalls(int64_t calls, const std::string& what);
  // The same for as long as `over` says, but a few calls at least.
  int64_t TryCallsUntil(const std::function<bool()>& over, const std::string& what);
  // Of the last call that failed.
  const std::string& last_error() const { return last_error_; }
  // Makes one call.
  void MakeCall();

 private:
  grpc::Status Call();
  void Print(const std::string& what) const;

  const std::unique_ptr<v1::LossService::Stub> stub_;
  const v1::ComputeRequest request_;
  const std::string token_;
  std::string last_error_;
  load::Histogram latency_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_E2E_BYSTANDER_H_
