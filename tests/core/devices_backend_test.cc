// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/devices_backend.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "core/scheduled_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_device.h"
#include "tests/support/fake_loss.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

// A device called `name` whose squared_norm is `run`.
std::unique_ptr<LossBackend> MakeDevice(const std::string& name, std::function<void(absl::Span<LossTask* const>)> run) {
  LossSet losses = MakeTileLosses(0);
  auto fake = std::make_unique<testing::FakeLoss>();
  fake->run = std::move(run);
  losses[3] = std::move(fake);
  return std::move(CreateScheduledBackend({}, std::move(losses), {name, "", 0})).value();
}

ComputeTask MakeTask(LossBackend& backend) {
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.inputs = {{"x.0", DType::kFloat32, {3}}};
  ComputeTask task;
  task.plan = backend.Prepare(request).value();
  task.inputs.emplace_back(task.plan->inputs[0], backend.pool().Allocate(12));
  return task;
}

TEST(DevicesBackendTest, NamesAllDevices) {
  std::vector<std::unique_ptr<LossBackend>> devices;
  for (const char* name : {"cuda:0", "cuda:3"}) devices.push_back(MakeDevice(name, [](auto) {}));
  const auto backend = CreateDevicesBackend(std::move(devices));
  ASSERT_EQ(backend->Devices().size(), 2u);
  EXPECT_EQ(backend->Devices()[0].name, "cuda:0");
  EXPECT_EQ(backend->Devices()[1].name, "cuda:3");
  EXPECT_EQ(backend->Losses().size(), std::tuple_size_v<LossSet>);
}

TEST(DevicesBackendTest, TasksGoToTheDeviceWithTheLeastToDo) {
  absl::Notification release;
  std::vector<std::string> ran;
  std::vector<std::unique_ptr<LossBackend>> devices;
  devices.push_back(MakeDevice("first", [&](auto) {
    release.WaitForNotification();
    ran.push_back("first");
  }));
  devices.push_back(MakeDevice("second", [&](auto) { ran.push_back("second"); }));
  const auto backend = CreateDevicesBackend(std::move(devices));
  absl::BlockingCounter first(1);
  ComputeTask held = MakeTask(*backend);
  held.done = [&](const absl::StatusOr<ComputeResult>& result) {
    EXPECT_EQ(result.value().device, 0);
    first.DecrementCount();
  };
  backend->Submit(std::move(held));
  for (int i = 0; i < 3; ++i) {  // The first device is busy all the while.
    absl::Notification answered;
    ComputeTask task = MakeTask(*backend);
    task.done = [&](const absl::StatusOr<ComputeResult>& result) {
      EXPECT_EQ(result.value().device, 1);
      answered.Notify();
    };
    backend->Submit(std::move(task));
    answered.WaitForNotification();
  }
  release.Notify();
  first.Wait();
  EXPECT_THAT(ran, ElementsAre("second", "second", "second", "first"));
}

TEST(DevicesBackendTest, DrainAnswersTheTasksOfAllDevicesAndThenRefuses) {
  std::vector<std::unique_ptr<LossBackend>> devices;
  for (const char* name : {"a", "b"}) devices.push_back(MakeDevice(name, [](auto) {}));
  const auto backend = CreateDevicesBackend(std::move(devices));
  absl::BlockingCounter answered(8);
  for (int i = 0; i < 8; ++i) {
    ComputeTask task = MakeTask(*backend);
    task.done = [&](const absl::StatusOr<ComputeResult>& result) {
      EXPECT_OK(result.status());
      answered.DecrementCount();
    };
    backend->Submit(std::move(task));
  }
  backend->Drain();
  answered.Wait();
  EXPECT_EQ(backend->queue_depth().requests, 0);
  ComputeTask late = MakeTask(*backend);
  absl::StatusCode code = absl::StatusCode::kOk;
  late.done = [&](const absl::StatusOr<ComputeResult>& result) { code = result.status().code(); };
  backend->Submit(std::move(late));
  EXPECT_EQ(code, absl::StatusCode::kUnavailable);
}

// Computes nothing, on its device.
class LosingLoss final : public Loss {
 public:
  LossDescription Describe() const override { return {"losing", "", {}, {}, {}}; }
  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec&) const override {
    return absl::UnimplementedError("plans nothing");
  }
  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    const LaneBatch empty{.requests = {{}}, .up_bytes = 0, .down_bytes = 0};
    for (LossTask* task : batch) task->status = context.lane->Run(empty, [](auto&) { return absl::OkStatus(); });
  }
};

TEST(DevicesBackendTest, ALostDeviceIsToldAndGetsNoMoreTasks) {
  auto fake = std::make_unique<testing::FakeDevice>(1);
  fake->Break();
  LossSet losses = MakeTileLosses(0);
  losses[3] = std::make_unique<LosingLoss>();
  auto lane = DeviceLane::Create(std::move(fake), {.slots = 2, .memory_bytes = 4096}).value();
  absl::Notification release;
  std::vector<std::unique_ptr<LossBackend>> devices;
  devices.push_back(MakeDevice("well", [&](auto) { release.WaitForNotification(); }));
  devices.push_back(CreateScheduledBackend({}, std::move(losses), {"broken", "", 0}, std::move(lane)).value());
  const auto backend = CreateDevicesBackend(std::move(devices));
  std::vector<std::string> told;
  backend->SetDeviceListener([&](const std::string& name, const absl::Status&) { told.push_back(name); });

  absl::Status statuses[3];
  absl::Notification answered[3];
  const auto submit = [&](int i) {
    ComputeTask task = MakeTask(*backend);
    task.done = [&, i](const absl::StatusOr<ComputeResult>& result) {
      statuses[i] = result.status();
      answered[i].Notify();
    };
    backend->Submit(std::move(task));
  };
  submit(0);  // Held by the one that is well, so that the next goes to the other.
  submit(1);
  answered[1].WaitForNotification();
  EXPECT_EQ(statuses[1].code(), absl::StatusCode::kInternal);
  EXPECT_THAT(told, ElementsAre("broken"));
  submit(2);  // The broken one has less to do.
  release.Notify();
  for (const int i : {0, 2}) {
    answered[i].WaitForNotification();
    EXPECT_OK(statuses[i]);
  }
}

}  // namespace
}  // namespace lossd
