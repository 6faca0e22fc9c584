// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/plan_cache.h"

#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

std::shared_ptr<const PlannedRequest> Planned(int seconds) {
  PlannedRequest planned;
  planned.timeout = absl::Seconds(seconds);
  return std::make_shared<const PlannedRequest>(planned);
}

// Offers it until it is kept.
void Keep(PlanCache& cache, const std::string& form, int seconds) {
  while (cache.Find(form) == nullptr) cache.Keep(form, Planned(seconds));
}

TEST(PlanCacheTest, KeepsWhatComesTheSecondTime) {
  PlanCache cache(4);
  cache.Keep("form", Planned(1));
  EXPECT_EQ(cache.Find("form"), nullptr);
  cache.Keep("form", Planned(1));
  ASSERT_NE(cache.Find("form"), nullptr);
  EXPECT_EQ(cache.Find("form")->timeout, absl::Seconds(1));
  EXPECT_EQ(cache.Find("other"), nullptr);
}

TEST(PlanCacheTest, FormsThatComeOnceTakeNoPlace) {
  PlanCache cache(4);
  Keep(cache, "again", 1);
  for (int i = 0; i < 1000; ++i) cache.Keep(absl::StrCat("once ", i), Planned(2));
  EXPECT_NE(cache.Find("again"), nullptr);
}

TEST(PlanCacheTest, TheLeastLatelyUsedGoesFirst) {
  PlanCache cache(2);
  Keep(cache, "a", 1);
  Keep(cache, "b", 2);
  EXPECT_NE(cache.Find("a"), nullptr);
  Keep(cache, "c", 3);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

TEST(PlanCacheTest, ManyThreadsFindWhatBelongsToTheirForm) {
  PlanCache cache(8);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&cache, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 20'000; ++i) {
        const int form = static_cast<int>(random() % 16);
        const auto planned = cache.Find(absl::StrCat(form));
        if (planned == nullptr) {
          cache.Keep(absl::StrCat(form), Planned(form));
        } else {
          ASSERT_EQ(planned->timeout, absl::Seconds(form));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.size(), 8u);
}

}  // namespace
}  // namespace lossd
