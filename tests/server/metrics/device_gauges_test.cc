// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/device_gauges.h"

#include <string>
#include <utility>

#include "core/devices_backend.h"
#include "core/scheduled_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/metrics.h"
#include "tests/support/fake_device.h"

namespace lossd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<LossBackend> MakeDevice(const std::string& name) {
  auto lane = DeviceLane::Create(std::make_unique<testing::FakeDevice>(1), {.slots = 2, .memory_bytes = 4096}).value();
  lane->AddOperations(7);
  return CreateScheduledBackend({}, MakeTileLosses(0), {name, "", 0}, std::move(lane)).value();
}

TEST(DeviceGaugesTest, EachDeviceHasItsSeriesAndAFamilyItsHelpOnce) {
  std::vector<std::unique_ptr<LossBackend>> devices;
  for (const char* name : {"cuda:0", "cuda:1"}) devices.push_back(MakeDevice(name));
  const auto backend = CreateDevicesBackend(std::move(devices));
  Metrics metrics;
  const auto values = std::make_shared<ScrapedValues>(DeviceValues(*backend));
  metrics.Add(values);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, AllOf(HasSubstr("lossd_device_healthy{device=\"cuda:0\"} 1"),
                          HasSubstr("lossd_device_healthy{device=\"cuda:1\"} 1"),
                          HasSubstr("lossd_device_limit_bytes{device=\"cuda:1\"} 4096"),
                          HasSubstr("lossd_device_operations_total{device=\"cuda:0\"} 7"),
                          HasSubstr("lossd_device_copied_bytes_total{device=\"cuda:0\",direction=\"up\"} 0"),
                          HasSubstr("lossd_device_busy_seconds_total{device=\"cuda:0\",stream=\"compute\"} 0")));
  const std::string help = "# HELP lossd_device_healthy";
  EXPECT_EQ(text.find(help), text.rfind(help));
}

TEST(DeviceGaugesTest, TheProcessorHasNone) {
  const auto backend = CreateScheduledBackend({}, MakeTileLosses(0), {"cpu", "", 0}).value();
  EXPECT_THAT(DeviceValues(*backend), IsEmpty());
}

}  // namespace
}  // namespace lossd
