// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduled_backend.h"

#include <cmath>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/scheduling/run_times.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_device.h"
#include "tests/support/fake_loss.h"
#include "tests/support/simulated_clock.h"
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

// What the copy of an input has seen is believed, so that nobody looks at 1 MiB again, and no worker is woken.
TEST(ScheduledBackendTest, ATaskThatTheCopyHasDoneRunsWithinSubmit) {
  BackendOptions options;
  options.scheduler.max_work_at_once = 1;
  ASSERT_OK_AND_ASSIGN(const auto backend, CreateScheduledBackend(options, MakeTileLosses(0), {"cpu", "", 0}));
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.inputs = {{"x.0", DType::kFloat32, {1 << 18}}};
  ASSERT_OK_AND_ASSIGN(const auto plan, backend->Prepare(request));
  std::thread::id ran_on;
  while (ran_on != std::this_thread::get_id()) {  // Until the worker has come to wait for work.
    ComputeTask task;
    task.plan = plan;
    task.inputs.emplace_back(plan->inputs[0], backend->pool().Allocate(1 << 20));
    task.inputs_swept = {{.finite = true, .sum_of_squares = 50}};
    absl::Notification answered;
    task.done = [&](const absl::StatusOr<ComputeResult>& result) {
      ASSERT_OK(result);
      EXPECT_EQ(result->objective, 25);
      EXPECT_EQ(result->gradient_norm, std::sqrt(50.0));
      ran_on = std::this_thread::get_id();
      answered.Notify();
    };
    backend->Submit(std::move(task));
    answered.WaitForNotification();
  }
}

TEST(ScheduledBackendTest, TaskThatIsGivenUpDuringItsRunSaysWhyAndHowLongItWaited) {
  for (const bool expires : {true, false}) {
    auto loss = std::make_unique<testing::FakeLoss>();
    absl::Notification running;
    loss->run = [&](absl::Span<LossTask* const> batch) {
      running.Notify();
      while (!batch[0]->IsCancelled()) std::this_thread::yield();
      batch[0]->status = absl::CancelledError("cancelled during the computation");
    };
    LossSet losses = MakeTileLosses(0);
    losses[3] = std::move(loss);
    testing::SimulatedClock clock;
    BackendOptions options;
    options.scheduler.clock = &clock;
    ASSERT_OK_AND_ASSIGN(const auto backend, CreateScheduledBackend(options, std::move(losses), {"cpu", "", 0}));
    ComputeSpec request;
    request.loss = SquaredNormConfig{};
    ComputeTask task;
    ASSERT_OK_AND_ASSIGN(task.plan, backend->Prepare(request));
    task.deadline = clock.TimeNow() + absl::Seconds(1);
    task.cancellation = std::make_shared<Cancellation>();
    const auto cancellation = task.cancellation;
    absl::Status status;
    task.done = [&](const absl::StatusOr<ComputeResult>& result) { status = result.status(); };
    backend->Submit(std::move(task));
    running.WaitForNotification();
    if (expires) {
      clock.AdvanceTime(absl::Seconds(1));
    } else {
      cancellation->Cancel();
    }
    backend->Drain();
    EXPECT_THAT(status, StatusIs(expires ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled,
                                 absl::StrCat(expires ? "deadline exceeded" : "cancelled",
                                              " during the computation after 0 in the queue")));
  }
}

// A run that was refused took no time; that says nothing about those that are computed.
TEST(ScheduledBackendTest, RunThatIsRefusedDoesNotMakeHopelessDeadlinesWelcome) {
  testing::SimulatedClock clock;
  bool refuses = false;
  auto loss = std::make_unique<testing::FakeLoss>();
  loss->run = [&](absl::Span<LossTask* const> batch) {
    if (refuses) {
      batch[0]->status = absl::InvalidArgumentError("no");
    } else {
      clock.AdvanceTime(absl::Milliseconds(5));
    }
  };
  LossSet losses = MakeTileLosses(0);
  losses[3] = std::move(loss);
  BackendOptions options;
  options.scheduler.threads = 1;
  options.scheduler.clock = &clock;
  ASSERT_OK_AND_ASSIGN(const auto backend, CreateScheduledBackend(options, std::move(losses), {"cpu", "", 0}));
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  ASSERT_OK_AND_ASSIGN(const auto plan, backend->Prepare(request));
  const auto answer_to = [&](absl::Time deadline) {
    absl::Notification answered;
    absl::Status status;
    ComputeTask task;
    task.plan = plan;
    task.deadline = deadline;
    task.done = [&](const absl::StatusOr<ComputeResult>& result) {
      status = result.status();
      answered.Notify();
    };
    backend->Submit(std::move(task));
    answered.WaitForNotification();
    return status;
  };
  for (int i = 0; i < RunTimes::kEnoughRuns; ++i) EXPECT_OK(answer_to(absl::InfiniteFuture()));
  refuses = true;
  EXPECT_THAT(answer_to(absl::InfiniteFuture()), StatusIs(absl::StatusCode::kInvalidArgument));
  refuses = false;
  EXPECT_OK(answer_to(absl::InfiniteFuture()));  // Once this runs, the runs before it are recorded.
  EXPECT_THAT(answer_to(clock.TimeNow() + absl::Milliseconds(4)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("expected at least 5ms")));
}

TEST(ScheduledBackendTest, ThreadsOutOfRangeAreRefused) {
  BackendOptions options;
  options.scheduler.threads = 0;
  EXPECT_THAT(CreateScheduledBackend(options, MakeTileLosses(0), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("threads")));
}

// A backend over a fake device, which `device` is set to, and whose squared_norm is `run`.
std::unique_ptr<LossBackend> MakeLaneBackend(testing::FakeDevice** device, int64_t memory_bytes,
                                             std::function<void(absl::Span<LossTask* const>)> run) {
  auto fake = std::make_unique<testing::FakeDevice>(1);
  *device = fake.get();
  auto lane = DeviceLane::Create(std::move(fake), {.slots = 2, .memory_bytes = memory_bytes}).value();
  LossSet losses = MakeTileLosses(0);
  auto loss = std::make_unique<testing::FakeLoss>();
  loss->run = std::move(run);
  losses[3] = std::move(loss);
  return CreateScheduledBackend({}, std::move(losses), {"cuda:5", "a card", 0}, std::move(lane)).value();
}

ComputeSpec SquaredNormOf(int64_t elements) {
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.inputs = {{"x.0", DType::kFloat32, {elements}}};
  return request;
}

TEST(ScheduledBackendTest, ADeviceHasADriverForEachSlotAndStatesThatBearItsName) {
  testing::FakeDevice* device = nullptr;
  const auto backend = MakeLaneBackend(&device, 1 << 20, [](auto) {});
  EXPECT_EQ(backend->Devices()[0].threads, 2);
  ASSERT_EQ(backend->DeviceStates().size(), 1u);
  EXPECT_EQ(backend->DeviceStates()[0].name, "cuda:5");
  EXPECT_OK(backend->DeviceStates()[0].health);
  EXPECT_EQ(backend->DeviceStates()[0].lane.limit_bytes, 1 << 20);
}

TEST(ScheduledBackendTest, WhatTheDeviceCanNeverHoldIsRefusedWhenItIsPlanned) {
  testing::FakeDevice* device = nullptr;
  const auto backend = MakeLaneBackend(&device, 4096, [](auto) {});
  EXPECT_OK(backend->Prepare(SquaredNormOf(100)).status());
  EXPECT_THAT(backend->Prepare(SquaredNormOf(10000)),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("(--device_memory_bytes)")));
}

TEST(ScheduledBackendTest, OutputsGradientsAndNotesOfARequestToADeviceLieSideBySide) {
  testing::FakeDevice* device = nullptr;
  std::vector<const std::byte*> places;
  const auto backend = MakeLaneBackend(&device, 1 << 20, [&](absl::Span<LossTask* const> batch) {
    places = {batch[0]->outputs[0].bytes(), batch[0]->gradients[0].bytes(), batch[0]->notes.data()};
  });
  absl::Notification answered;
  ComputeTask task;
  task.plan = backend->Prepare(SquaredNormOf(1000)).value();
  task.inputs.emplace_back(task.plan->inputs[0], backend->pool().Allocate(4000));
  task.done = [&](const absl::StatusOr<ComputeResult>& result) {
    EXPECT_OK(result.status());
    answered.Notify();
  };
  backend->Submit(std::move(task));
  answered.WaitForNotification();
  EXPECT_EQ(places[1], places[0] + 64);
  EXPECT_EQ(places[2], places[1] + 4032);
}

TEST(ScheduledBackendTest, BackEndsMayShareAPool) {
  BackendOptions options;
  options.pool = std::make_shared<BufferPool>(size_t{1} << 20);
  const auto first = CreateScheduledBackend(options, MakeTileLosses(0), {"first", "", 0}).value();
  const auto second = CreateScheduledBackend(options, MakeTileLosses(0), {"second", "", 0}).value();
  EXPECT_EQ(&first->pool(), options.pool.get());
  EXPECT_EQ(&second->pool(), options.pool.get());
}

}  // namespace
}  // namespace lossd
