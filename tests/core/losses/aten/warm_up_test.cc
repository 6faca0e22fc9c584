// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/warm_up.h"

#include <memory>
#include <stdexcept>
#include <utility>

#include "core/engine/sweeps/host_sweeps.h"
#include "core/losses/aten/aten_losses.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_device.h"
#include "tests/support/status_matchers.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::FakeDevice;
using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class WarmUpTest : public ::testing::Test {
 protected:
  WarmUpTest() {
    auto device = std::make_unique<FakeDevice>(1);
    device->RunAtOnce();
    device_ = device.get();
    lane_ = DeviceLane::Create(std::move(device), {.slots = 2, .memory_bytes = 1 << 24}).value();
  }

  static LossSet Losses(std::shared_ptr<const Sweeps> sweeps = nullptr) {
    return MakeAtenLosses("aten-cpu", {.sweeps = std::move(sweeps)}).value();
  }

  FakeDevice* device_;  // Owned by the lane.
  std::unique_ptr<DeviceLane> lane_;
};

TEST_F(WarmUpTest, ComputesAsOftenAsThereAreSlots) {
  EXPECT_OK(WarmUp(Losses(), *lane_));
  EXPECT_EQ(lane_->stats().batches, 2);
  EXPECT_EQ(lane_->stats().reserved_bytes, 0);
}

TEST_F(WarmUpTest, ADeviceThatIsLostIsUnavailable) {
  device_->Break();
  EXPECT_THAT(WarmUp(Losses(), *lane_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("does not compute: the device is lost")));
}

TEST_F(WarmUpTest, ADeviceWithoutMemoryIsUnavailable) {
  device_->RunOutOfMemory(2);
  EXPECT_THAT(WarmUp(Losses(), *lane_), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no memory")));
}

// As where a module has no code for a card.
TEST_F(WarmUpTest, ALaunchThatFailsIsUnavailableInOneLine) {
  class NoKernels final : public Sweeps {
   public:
    void Run(const Sweep&) const override { throw std::runtime_error("a sweep: no kernel image\nsomewhere"); }
  };
  EXPECT_THAT(WarmUp(Losses(std::make_shared<NoKernels>()), *lane_),
              StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("no kernel image"), Not(HasSubstr("\n")))));
}

TEST_F(WarmUpTest, AWrongResultIsUnavailable) {
  class NoWork final : public Sweeps {
   public:
    void Run(const Sweep&) const override {}
  };
  EXPECT_THAT(WarmUp(Losses(std::make_shared<NoWork>()), *lane_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("expected a loss of 1.38629, got ")));
}

}  // namespace
}  // namespace lossd::aten
