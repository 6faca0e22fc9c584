// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/flags.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FlagsTest, DefaultsAreThoseOfTheOptions) {
  const ServerOptions options = OptionsFromFlags();
  EXPECT_THAT(options.listen, ElementsAre("0.0.0.0:50051"));
  EXPECT_THAT(options.admin_listen, ElementsAre("0.0.0.0:50052"));
  EXPECT_THAT(options.http_listen, ElementsAre("0.0.0.0:9090"));
  EXPECT_EQ(options.max_message_bytes, 268435456);
  EXPECT_EQ(options.max_inflight_bytes, 2147483648);
  EXPECT_EQ(options.max_concurrent_calls, 1024);
  EXPECT_EQ(options.max_request_flops, 1e14);
  EXPECT_EQ(options.parameter_cache_bytes, 268435456);
  EXPECT_EQ(options.max_batch_requests, 64);
  EXPECT_EQ(options.max_queue_delay, absl::ZeroDuration());
  EXPECT_EQ(options.shutdown_timeout, absl::Seconds(20));
  EXPECT_OK(ValidateOptions(options));
  EXPECT_EQ(ActionFromFlags(), Action::kServe);
}

TEST(FlagsTest, HelpNamesEveryFlagWithItsDefault) {
  const std::string help = HelpText();
  for (const FlagGroup& group : FlagGroups()) {
    EXPECT_THAT(help, HasSubstr(group.title));
    for (const std::string& flag : group.flags) EXPECT_THAT(help, HasSubstr("  --" + flag));
  }
  EXPECT_THAT(help, HasSubstr("--max_message_bytes=268435456"));
}

}  // namespace
}  // namespace lossd
