// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/device_lane.h"

#include <deque>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_device.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::FakeDevice;
using ::lossd::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kLimit = 1 << 20;

// A lane over a fake device, and batches whose computation doubles what comes up.
class LaneRun {
 public:
  explicit LaneRun(uint32_t seed, DeviceLaneOptions options = {.slots = 2, .memory_bytes = kLimit}) {
    auto device = std::make_unique<FakeDevice>(seed);
    device_ = device.get();
    lane_ = DeviceLane::Create(std::move(device), options).value();
  }

  // One batch of requests of `numbers` floats each; `during` is called between the computation's launch and the
  // download.
  absl::Status Double(
      const std::vector<std::vector<float>>& requests,
      const std::function<absl::Status()>& during = [] { return absl::OkStatus(); }) {
    const auto bytes = static_cast<int64_t>(requests.front().size() * sizeof(float));
    LaneBatch batch{.requests = {}, .up_bytes = bytes, .down_bytes = bytes};
    std::vector<std::vector<float>*> results;
    for (const std::vector<float>& request : requests) {
      std::vector<float>& up = host_.emplace_back(request);
      std::vector<float>& down = host_.emplace_back(request.size());
      device_->HostUses({up.data(), bytes, true});
      batch.requests.push_back({{{reinterpret_cast<std::byte*>(up.data()), 0, bytes}},
                                {{reinterpret_cast<std::byte*>(down.data()), 0, bytes}}});
      results.push_back(&down);
    }
    absl::Status status = lane_->Run(batch, [&](const DeviceRegions& regions) {
      Launch(regions, requests.size(), requests.front().size());
      return during();
    });
    for (const std::vector<float>* result : results) {
      device_->HostUses({result->data(), bytes, false});
      last_ = *result;
    }
    return status;
  }

  // Two batches on their way at once, then a third that takes the place of one of them.
  void RunThree() {
    device_->OnNextSynchronize([this] { EXPECT_OK(Double({{5, 6, 7}})); });
    EXPECT_OK(Double({{1, 2}, {3, 4}}));
    EXPECT_OK(Double({{8}}));
  }

  FakeDevice& device() { return *device_; }
  DeviceLane& lane() { return *lane_; }
  const std::vector<float>& last() const { return last_; }

 private:
  void Launch(const DeviceRegions& regions, size_t requests, size_t numbers) {
    const auto up = static_cast<int64_t>(requests) * regions.up_stride;
    const auto down = static_cast<int64_t>(requests) * regions.down_stride;
    device_->Launch({{regions.up, up, false}, {regions.down, down, true}}, [=] {
      for (size_t r = 0; r < requests; ++r) {
        const auto* from = reinterpret_cast<const float*>(regions.up + static_cast<int64_t>(r) * regions.up_stride);
        auto* to = reinterpret_cast<float*>(regions.down + static_cast<int64_t>(r) * regions.down_stride);
        for (size_t i = 0; i < numbers; ++i) to[i] = 2 * from[i];
      }
    });
  }

  std::deque<std::vector<float>> host_;  // Outlives what the device still does.
  FakeDevice* device_;                   // Owned by the lane.
  std::unique_ptr<DeviceLane> lane_;
  std::vector<float> last_;
};

TEST(DeviceLaneTest, BatchesComeUpAreComputedAndComeDownWhateverTheDeviceDoesFirst) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    LaneRun run(seed);
    EXPECT_OK(run.Double({{1, 2}, {3, 4}}));
    EXPECT_THAT(run.last(), ElementsAre(6, 8));
    run.RunThree();
    EXPECT_THAT(run.last(), ElementsAre(16));
    EXPECT_THAT(run.device().violations(), IsEmpty()) << "seed " << seed;
  }
}

// The proof that no wait is missing and none too many: without any one of them something is used too early. One batch
// after another, because what one on its way beside it waits for may happen to be enough for both.
TEST(DeviceLaneTest, EachWaitIsNeeded) {
  constexpr int kBatches = 3;
  for (int left_out = 0; left_out < 3 * kBatches; ++left_out) {
    LaneRun run(1);
    run.device().LeaveOutWait(left_out);
    for (int i = 0; i < kBatches; ++i) EXPECT_OK(run.Double({{1, 2}, {3, 4}}));
    EXPECT_EQ(run.device().waits(), 3 * kBatches);
    EXPECT_THAT(run.device().violations(), Not(IsEmpty())) << "without wait " << left_out;
  }
}

TEST(DeviceLaneTest, WhatIsUsedTooEarlyIsNamed) {
  const char* const expected[] = {"compute reads what upload may still write", "download reads what compute may still",
                                  "the host reads what download may still write"};
  for (int left_out = 0; left_out < 3; ++left_out) {
    LaneRun run(1);
    run.device().LeaveOutWait(left_out);
    EXPECT_OK(run.Double({{1}}));
    EXPECT_THAT(run.device().violations(), Contains(HasSubstr(expected[left_out])));
  }
}

TEST(DeviceLaneTest, ARequestIsOneCopyUpAndOneDownAndABatchOneSynchronization) {
  LaneRun run(1);
  EXPECT_OK(run.Double({{1}, {2}, {3}, {4}, {5}}));
  EXPECT_EQ(run.device().copies(), 10);
  EXPECT_EQ(run.device().synchronizations(), 1);
  const LaneStats stats = run.lane().stats();
  EXPECT_EQ(stats.batches, 1);
  EXPECT_EQ(stats.requests, 5);
  EXPECT_EQ(stats.copies_up, 5);
  EXPECT_EQ(stats.copies_down, 5);
  EXPECT_EQ(stats.bytes_up, 20);
  EXPECT_EQ(stats.bytes_down, 20);
  EXPECT_THAT(stats.busy, ElementsAre(absl::Milliseconds(5), absl::Milliseconds(1), absl::Milliseconds(5)));
}

TEST(DeviceLaneTest, RegionsAreAllocatedOnceForBatchesOfASize) {
  LaneRun run(1);
  EXPECT_OK(run.Double({{1}}));
  const int64_t held = run.lane().stats().held_bytes;
  EXPECT_EQ(held, 128);
  const int64_t free = run.device().free_bytes();
  for (int i = 0; i < 5; ++i) EXPECT_OK(run.Double({{1}}));
  EXPECT_EQ(run.device().free_bytes(), free);
  EXPECT_EQ(run.lane().stats().held_bytes, held);
  EXPECT_EQ(run.lane().stats().reserved_bytes, 0);
}

TEST(DeviceLaneTest, ManyThreadsShareTheSlotsAndTheMemory) {
  const std::vector<float> request(100, 1);  // 896 bytes a batch: two fit, the third waits.
  LaneRun run(1, {.slots = 3, .memory_bytes = 2000});
  std::deque<std::vector<float>> host;
  for (int i = 0; i < 16; ++i) host.emplace_back(request);
  std::vector<std::thread> drivers;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 8; ++i) {
    drivers.emplace_back([&, i] {
      auto* up = reinterpret_cast<std::byte*>(host[2 * static_cast<size_t>(i)].data());
      auto* down = reinterpret_cast<std::byte*>(host[2 * static_cast<size_t>(i) + 1].data());
      const LaneBatch batch{.requests = {{{{up, 0, 400}}, {{down, 0, 400}}}}, .up_bytes = 400, .down_bytes = 400};
      for (int round = 0; round < 50; ++round) {
        const absl::Status status = run.lane().Run(batch, [&](const DeviceRegions& regions) {
          run.device().Launch({{regions.up, 400, false}, {regions.down, 400, true}},
                              [=] { std::copy(regions.up, regions.up + 400, regions.down); });
          return absl::OkStatus();
        });
        if (!status.ok()) ++failures;
      }
    });
  }
  for (std::thread& driver : drivers) driver.join();
  EXPECT_EQ(failures, 0);
  EXPECT_THAT(run.device().violations(), IsEmpty());
  EXPECT_EQ(run.lane().stats().batches, 400);
}

// Runs so many batches of three launches each, by as many threads as there are slots.
void RunSideBySide(LaneRun& run, int batches) {
  std::vector<std::thread> drivers;
  for (int driver = 0; driver < run.lane().slots(); ++driver) {
    drivers.emplace_back([&run, batches] {
      float up = 1;
      float down = 0;
      const auto bytes_of = [](float& number) { return reinterpret_cast<std::byte*>(&number); };
      const LaneBatch batch{
          .requests = {{{{bytes_of(up), 0, 4}}, {{bytes_of(down), 0, 4}}}}, .up_bytes = 4, .down_bytes = 4};
      for (int i = 0; i < batches; ++i) {
        EXPECT_OK(run.lane().Run(batch, [&run](const DeviceRegions& regions) {
          for (int launch = 0; launch < 3; ++launch) {
            run.device().Launch({{regions.up, 4, false}, {regions.down, 4, true}}, [] {});
            std::this_thread::yield();
          }
          return absl::OkStatus();
        }));
      }
    });
  }
  for (std::thread& driver : drivers) driver.join();
}

// Else a batch's wait for its upload holds up the launches of another that could run, and its time is counted twice.
TEST(DeviceLaneTest, WhatABatchAsksOfAStreamIsInOnePiece) {
  constexpr int kBatches = 60;
  LaneRun run(1, {.slots = 3, .memory_bytes = kLimit});
  RunSideBySide(run, kBatches);
  const auto asked = run.device().asked_of_compute();
  ASSERT_EQ(asked.size(), 3u * kBatches * 6);
  for (size_t batch = 0; batch < asked.size(); batch += 6) {
    const char* const expected[] = {"wait", "record", "launch", "launch", "launch", "record"};
    for (size_t i = 0; i < 6; ++i) {
      ASSERT_EQ(asked[batch + i].first, asked[batch].first) << batch + i;
      ASSERT_EQ(asked[batch + i].second, expected[i]) << batch + i;
    }
  }
  EXPECT_THAT(run.lane().stats().busy,
              ElementsAre(absl::Milliseconds(3 * kBatches), absl::Milliseconds(3 * kBatches * 3),
                          absl::Milliseconds(3 * kBatches)));
}

TEST(DeviceLaneTest, ABatchThatCanNeverFitIsRefusedBeforeAnythingIsCopied) {
  LaneRun run(1, {.slots = 2, .memory_bytes = 256});
  EXPECT_THAT(
      run.Double({{1}, {2}, {3}}),
      StatusIs(absl::StatusCode::kResourceExhausted,
               HasSubstr("expected a computation that takes at most 256 bytes on the device, got one that takes "
                         "384 (--device_memory_bytes)")));
  EXPECT_EQ(run.device().copies(), 0);
  EXPECT_OK(run.Double({{1}}));
}

TEST(DeviceLaneTest, OutOfMemoryConcernsOneBatchAndTheRestGoesOn) {
  LaneRun run(1);
  run.device().RunOutOfMemory(2);
  EXPECT_THAT(run.Double({{1}}), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no memory")));
  EXPECT_OK(run.lane().health());
  EXPECT_OK(run.Double({{4}}));
  EXPECT_THAT(run.last(), ElementsAre(8));
  EXPECT_THAT(run.device().violations(), IsEmpty());
}

TEST(DeviceLaneTest, WhatLiesUnusedIsGivenBackBeforeThereIsNoMemory) {
  LaneRun run(1);
  run.device().RunOutOfMemory();
  EXPECT_OK(run.Double({std::vector<float>(1000)}));
  EXPECT_EQ(run.device().times_unused_freed(), 1);
  EXPECT_EQ(run.lane().stats().held_bytes, 2 * 4032);  // No more than it takes.
}

TEST(DeviceLaneTest, BatchesThatGrowByARequestAreGivenNewMemoryAFewTimes) {
  LaneRun run(1);
  std::set<int64_t> sizes;
  for (size_t requests = 1; requests <= 128; ++requests) {
    EXPECT_OK(run.Double(std::vector<std::vector<float>>(requests, std::vector<float>(16))));
    const int64_t held = run.lane().stats().held_bytes;
    EXPECT_GE(held, static_cast<int64_t>(requests) * 128);
    EXPECT_LE(held, static_cast<int64_t>(requests) * 128 * 9 / 8 + 128);
    sizes.insert(held);
  }
  EXPECT_LE(sizes.size(), 48u);
}

// What slots keep between batches is part of the budget, and gives way to a batch.
TEST(DeviceLaneTest, RegionsThatLieIdleGiveWayWhereTheyAreMoreThanTheBudgetLeaves) {
  LaneRun run(1, {.slots = 2, .memory_bytes = 4096});
  run.device().OnNextSynchronize([&run] { EXPECT_OK(run.Double({std::vector<float>(128)})); });
  EXPECT_OK(run.Double({std::vector<float>(128)}));
  EXPECT_EQ(run.lane().stats().held_bytes, 2048);  // In both slots.
  EXPECT_OK(run.Double({std::vector<float>(384)}));
  EXPECT_EQ(run.lane().stats().held_bytes, 3072 + 1024);
  EXPECT_OK(run.Double({std::vector<float>(448)}));
  EXPECT_EQ(run.lane().stats().held_bytes, 3584);
  EXPECT_THAT(run.device().violations(), IsEmpty());
}

TEST(DeviceLaneTest, ARegionIsNoLongerKeptWhereTheWorkspaceNeedsItsRoom) {
  LaneRun run(1, {.slots = 1, .memory_bytes = 4096});
  EXPECT_OK(run.Double({std::vector<float>(448)}));
  EXPECT_EQ(run.lane().stats().held_bytes, 3584);
  int64_t held = 0;
  EXPECT_OK(run.lane().Run({.requests = {{}}, .up_bytes = 64, .down_bytes = 64, .workspace_bytes = 3800},
                           [&](const DeviceRegions&) {
                             held = run.lane().stats().held_bytes;
                             return absl::OkStatus();
                           }));
  EXPECT_EQ(held, 128);
}

TEST(DeviceLaneTest, AFailedLaunchLeavesNothingUnderWay) {
  LaneRun run(1);
  EXPECT_THAT(run.Double({{1}}, [] { return absl::InternalError("no such kernel"); }),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no such kernel")));
  EXPECT_THROW(run.Double({{1}}, []() -> absl::Status { throw std::runtime_error("thrown"); }).IgnoreError(),
               std::runtime_error);
  EXPECT_OK(run.lane().health());
  EXPECT_OK(run.Double({{4}}));
  run.device().OnNextSynchronize([&run] { EXPECT_OK(run.Double({{6}})); });
  EXPECT_OK(run.Double({{5}}));  // Both slots are free.
  EXPECT_THAT(run.device().violations(), IsEmpty());
}

TEST(DeviceLaneTest, ALostDeviceStaysLostAndIsToldOnce) {
  LaneRun run(1);
  std::vector<std::string> told;
  run.lane().SetLostListener([&](const absl::Status& status) { told.emplace_back(status.message()); });
  EXPECT_OK(run.Double({{1}}));
  run.device().Break();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(run.Double({{1}}),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("the device is lost: an illegal memory access")));
  }
  EXPECT_THAT(told, ElementsAre(HasSubstr("the device is lost")));
  EXPECT_THAT(run.lane().health(), StatusIs(absl::StatusCode::kInternal, HasSubstr("lost")));
  EXPECT_EQ(run.device().copies(), 2);  // After the loss nobody asks it for anything.
  run.lane().SetLostListener([&](const absl::Status&) { told.emplace_back("late"); });
  EXPECT_EQ(told.back(), "late");
}

TEST(DeviceLaneTest, OptionsOutOfRangeAreNamed) {
  const auto create = [](DeviceLaneOptions options) {
    return DeviceLane::Create(std::make_unique<FakeDevice>(1), options).status();
  };
  EXPECT_THAT(create({.slots = 0, .memory_bytes = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("slots")));
  EXPECT_THAT(create({.slots = 9, .memory_bytes = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("slots")));
  EXPECT_THAT(
      create({.slots = 2, .memory_bytes = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("memory_bytes: expected a positive number, got 0")));
}

TEST(DeviceLaneTest, LanesOfSeveralDevicesHaveWhatTheFullestOneHasFree) {
  const auto budgets = [](int64_t given) {
    std::vector<std::unique_ptr<Device>> devices;
    for (const int64_t bytes : {3000, 1000, 2000}) devices.push_back(std::make_unique<FakeDevice>(1, bytes));
    const auto lanes = CreateLanes(std::move(devices), {.slots = 1, .memory_bytes = given}).value();
    std::vector<int64_t> of_lanes;
    for (const auto& lane : lanes) of_lanes.push_back(lane->memory_bytes());
    return of_lanes;
  };
  EXPECT_THAT(budgets(0), ElementsAre(800, 800, 800));
  EXPECT_THAT(budgets(500), ElementsAre(500, 500, 500));
}

}  // namespace
}  // namespace lossd
