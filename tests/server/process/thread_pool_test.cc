// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/thread_pool.h"

#include <atomic>
#include <optional>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

TEST(ThreadPoolTest, OneThreadRunsWorkInTheOrderItCame) {
  std::vector<int> ran;
  {
    ThreadPool pool(1, "test");
    for (int i = 0; i < 4; ++i) pool.Run([&ran, i] { ran.push_back(i); });
  }
  EXPECT_THAT(ran, ElementsAre(0, 1, 2, 3));
}

TEST(ThreadPoolTest, SeveralThreadsRunWorkAtATime) {
  ThreadPool pool(2, "test");
  absl::Barrier* const together = new absl::Barrier(3);  // Deletes itself.
  const auto meet = [together] {
    if (together->Block()) delete together;
  };
  pool.Run(meet);
  pool.Run(meet);
  meet();  // Returns only if both run.
}

TEST(ThreadPoolTest, EndRunsWhatWaitsAndWhatThatAdds) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(2, "test");
    for (int i = 0; i < 10; ++i) {
      pool.Run([&] {
        ++ran;
        pool.Run([&] { ++ran; });
      });
    }
  }
  EXPECT_EQ(ran, 20);
}

}  // namespace
}  // namespace lossd
