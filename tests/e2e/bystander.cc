// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/e2e/bystander.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/scheduling/clock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/e2e/watched_server.h"

namespace lossd::testing {

Bystander::Bystander(const std::string& address, const BystanderOptions& options)
    : stub_(v1::LossService::NewStub(OwnChannel(address, options.tls_root))),
      request_(ContrastRequest(64, 64)),
      token_(options.token) {}

grpc::Status Bystander::Call() {
  grpc::ClientContext context;
  v1::ComputeResponse response;
  const absl::Time start = RealClock().TimeNow();
  context.set_deadline(absl::ToChronoTime(start + absl::Seconds(30)));
  if (!token_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  grpc::Status status = stub_->Compute(&context, request_, &response);
  latency_.Add(RealClock().TimeNow() - start);
  EXPECT_EQ(response.gradients_size(), status.ok() ? 2 : 0);
  if (!status.ok()) last_error_ = absl::StrCat(status.error_code(), " ", status.error_message());
  return status;
}

void Bystander::MakeCall() {
  const grpc::Status status = Call();
  ASSERT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
}

void Bystander::MakeCalls(int64_t calls, const std::string& what) {
  latency_ = load::Histogram();
  for (int64_t i = 0; i < calls && !::testing::Test::HasFatalFailure(); ++i) MakeCall();
  Print(what);
}

int64_t Bystander::TryCalls(int64_t calls, const std::string& what) {
  latency_ = load::Histogram();
  int64_t failed = 0;
  for (int64_t i = 0; i < calls; ++i) failed += Call().ok() ? 0 : 1;
  Print(what);
  return failed;
}

int64_t Bystander::TryCallsUntil(const std::function<bool()>& over, const std::string& what) {
  constexpr int64_t kLeast = 20;
  latency_ = load::Histogram();
  int64_t failed = 0;
  while (latency_.count() < kLeast || !over()) failed += Call().ok() ? 0 : 1;
  Print(what);
  return failed;
}

void Bystander::Print(const std::string& what) const {
  std::cout << absl::StrFormat("%s: other client's p50 %.2f ms, p99 %.2f ms, max %.2f ms over %d calls\n", what,
                               absl::ToDoubleMilliseconds(latency_.Percentile(0.5)),
                               absl::ToDoubleMilliseconds(latency_.Percentile(0.99)),
                               absl::ToDoubleMilliseconds(latency_.Maximum()), latency_.count());
}

}  // namespace lossd::testing
