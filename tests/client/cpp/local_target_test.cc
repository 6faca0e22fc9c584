// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/local_target.h"

#include "gtest/gtest.h"

namespace lossd::client {
namespace {

TEST(LocalTargetTest, KnowsThisMachineByItsNames) {
  for (const char* target :
       {"localhost:50051", "LOCALHOST:1", "127.0.0.1:1", "127.8.9.1", "[::1]:1", "::1", "unix:/x", "unix:x",
        "unix-abstract:x", "dns:///localhost:1", "dns:localhost", "ipv4:127.0.0.1:1,10.0.0.1:1", "ipv6:[::1]:1"}) {
    EXPECT_TRUE(IsLocalTarget(target)) << target;
  }
}

TEST(LocalTargetTest, OthersAreNot) {
  for (const char* target : {"", "lossd:50051", "10.0.0.1:1", "localhost.example.org:1", "[2001:db8::1]:1",
                             "dns:///lossd", "ipv4:10.0.0.1:1,127.0.0.1:1", "xds:///localhost"}) {
    EXPECT_FALSE(IsLocalTarget(target)) << target;
  }
}

}  // namespace
}  // namespace lossd::client
