// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduled_backend.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ScheduledBackendTest, BearsTheDeviceItIsGivenWithTheSchedulersThreads) {
  BackendOptions options;
  options.scheduler.threads = 2;
  ASSERT_OK_AND_ASSIGN(const auto backend,
                       CreateScheduledBackend(options, MakeTileLosses(0), {"somewhere", "a place", 77}));
  ASSERT_EQ(backend->Devices().size(), 1u);
  EXPECT_EQ(backend->Devices()[0].name, "somewhere");
  EXPECT_EQ(backend->Devices()[0].description, "a place");
  EXPECT_EQ(backend->Devices()[0].threads, 2);
}

TEST(ScheduledBackendTest, PlansWithTheLossThatIsConfigured) {
  LossSet losses = MakeTileLosses(0);
  const Loss* squared_norm = losses[3].get();
  ASSERT_OK_AND_ASSIGN(const auto backend, CreateScheduledBackend({}, std::move(losses), {"cpu", "", 0}));
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.inputs = {{"x.0", DType::kFloat32, {3}}};
  ASSERT_OK_AND_ASSIGN(const auto plan, backend->Prepare(request));
  EXPECT_EQ(plan->loss, squared_norm);
}

TEST(ScheduledBackendTest, ThreadsOutOfRangeAreRefused) {
  BackendOptions options;
  options.scheduler.threads = 0;
  EXPECT_THAT(CreateScheduledBackend(options, MakeTileLosses(0), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("threads")));
}

}  // namespace
}  // namespace lossd
