// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes small requests and what sends them, for tests of the load generator.

#ifndef LOSSD_TESTS_CLIENT_LOAD_LOAD_FIXTURE_H_
#define LOSSD_TESTS_CLIENT_LOAD_LOAD_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "client/cpp/channel.h"
#include "client/cpp/event_loop.h"
#include "client/load/caller.h"
#include "client/load/load_run.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {

// squared_norm of [3, 4]: 12.5.
inline client::ComputeRequest SmallRequest() {
  static const auto& elements = *new std::vector<float>{3, 4};
  client::ComputeRequest request;
  request.loss = client::SquaredNorm{};
  request.inputs.push_back(client::InputTensor::Borrow<float>("x.0", {2}, elements));
  request.inputs.back().owner = std::make_shared<int>();
  return request;
}

inline LoadRequest SmallEncodedRequest() {
  auto encoded = LoadRequest::Encode(SmallRequest(), std::nullopt);
  EXPECT_OK(encoded.status());
  return *std::move(encoded);
}

inline std::unique_ptr<AnswerCheck> SmallCheck(int64_t every = 1) {
  auto check = AnswerCheck::Create(SmallRequest(), SmallEncodedRequest(), every);
  EXPECT_OK(check.status());
  return *std::move(check);
}

// A quarter of a second of load on `target`, at `calls` at any time.
inline LoadPlan SmallPlan(const std::string& target, const std::vector<int64_t>& calls = {1}) {
  LoadPlan plan;
  plan.request = SmallRequest();
  plan.what = "squared_norm";
  plan.engine.target = target;
  plan.measure.warmup = absl::ZeroDuration();
  plan.measure.window = absl::Milliseconds(20);
  plan.measure.duration = absl::Milliseconds(60);
  for (const int64_t concurrency : calls) {
    plan.levels.emplace_back();
    plan.levels.back().concurrency = concurrency;
  }
  return plan;
}

// One connection to a server of this process.
class CallerTest : public ::testing::Test {
 protected:
  using MakeCaller = std::unique_ptr<Caller> (*)(std::shared_ptr<grpc::Channel>, grpc::CompletionQueue*,
                                                 const CallContext&);

  std::unique_ptr<Caller> Make(MakeCaller make) {
    client::ClientOptions options;
    options.patience = absl::ZeroDuration();
    return make(client::MakeChannels(server_.target(), options).front(), loop_.queue(), context_);
  }
  // Makes one call and waits for its end.
  CallOutcome Call(Caller& caller) {
    CallOutcome result;
    absl::Notification finished;
    caller.Start(RealClock().TimeNow(), [&](CallOutcome outcome) {
      result = std::move(outcome);
      finished.Notify();
    });
    finished.WaitForNotification();
    return result;
  }

  client::FakeServer server_;
  client::EventLoop loop_;
  const LoadRequest request_ = SmallEncodedRequest();
  CallContext context_{request_, RealClock(), absl::InfiniteDuration(), ""};
};

}  // namespace lossd::load

#endif  // LOSSD_TESTS_CLIENT_LOAD_LOAD_FIXTURE_H_
