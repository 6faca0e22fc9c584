// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/health_states.h"

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
