// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/health_states.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(HealthStatesTest, AllButLivenessFollowReadiness) {
  HealthStates states;
  for (const bool ready : {false, true, false}) {
    states.SetReady(ready);
    EXPECT_EQ(states.ready(), ready);
    for (const char* service : {"", "lossd.v1.LossService", "readiness"}) EXPECT_EQ(states.IsServing(service), ready);
    EXPECT_EQ(states.IsServing("liveness"), true);
  }
  EXPECT_EQ(states.IsServing("other"), std::nullopt);
}

TEST(HealthStatesTest, ALostDeviceTakesReadinessWithItForGoodAndNoOtherDevice) {
  HealthStates states;
  states.SetReady(true);
  states.AddDevice("cuda:0");
  states.AddDevice("cuda:1");
  EXPECT_EQ(states.IsServing("device/cuda:1"), true);
  EXPECT_EQ(states.IsServing("device/cuda:2"), std::nullopt);
  int heard = 0;
  states.Subscribe(&heard, [&] { ++heard; });
  states.LoseDevice("cuda:1");
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(states.IsServing("device/cuda:1"), false);
  EXPECT_EQ(states.IsServing("device/cuda:0"), true);
  EXPECT_EQ(states.IsServing("readiness"), false);
  EXPECT_EQ(states.IsServing("liveness"), true);
  states.SetReady(false);
  states.SetReady(true);
  EXPECT_FALSE(states.ready());
}

TEST(HealthStatesTest, ListenersHearChangesUntilTheyLeave) {
  HealthStates states;
  int heard = 0;
  states.Subscribe(&heard, [&] { ++heard; });
  states.SetReady(false);
  EXPECT_EQ(heard, 0);
  states.SetReady(true);
  EXPECT_EQ(heard, 1);
  states.Unsubscribe(&heard);
  states.SetReady(false);
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace lossd
