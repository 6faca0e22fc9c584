// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/operation_counter.h"

#include <ATen/ATen.h>

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::aten {
namespace {

TEST(OperationCounterTest, CountsWhatTouchesElementsAndNoViews) {
  const at::Tensor a = at::ones({4, 4});
  const OperationCounter counter;
  const at::Tensor b = a.transpose(0, 1).narrow(0, 0, 2).unsqueeze(0);
  EXPECT_EQ(counter.launches(), 0);
  at::exp(b);
  a.mul(a);
  EXPECT_EQ(counter.launches(), 2);
  EXPECT_EQ(counter.synchronizations(), 0);
}

TEST(OperationCounterTest, AnOperationOfOthersIsTheirs) {
  const at::Tensor a = at::ones({4, 4});
  const OperationCounter counter;
  a.softmax(1);  // aten::softmax calls aten::_softmax.
  EXPECT_EQ(counter.launches(), 1);
  EXPECT_THAT(counter.by_name(), ::testing::Contains(::testing::Key("aten::_softmax")));
}

TEST(OperationCounterTest, AProductOfGroupsIsOneHoweverManyThereAre) {
  for (const int64_t groups : {1, 2, 16}) {
    const at::Tensor a = at::ones({groups, 3, 3});
    const OperationCounter counter;
    at::bmm(a, a);
    EXPECT_EQ(counter.launches(), 1) << groups << ": " << ::testing::PrintToString(counter.by_name());
  }
}

TEST(OperationCounterTest, CountsWhatTheHostWaitsFor) {
  const at::Tensor a = at::ones({1});
  const OperationCounter counter;
  a.item<float>();
  EXPECT_EQ(counter.synchronizations(), 1);
  a.cpu();
  EXPECT_EQ(counter.synchronizations(), 2);
  a.to(at::kDouble);  // Where it is.
  EXPECT_EQ(counter.synchronizations(), 2);
}

TEST(OperationCounterTest, CountsLaunchesThatItIsTold) {
  CountLaunch("nobody's");
  const OperationCounter outer;
  CountLaunch("a sweep");
  const OperationCounter inner;
  CountLaunch("a sweep");
  EXPECT_EQ(outer.launches(), 2);
  EXPECT_EQ(inner.launches(), 1);
  EXPECT_THAT(outer.by_name(), ::testing::ElementsAre(::testing::Pair("a sweep", 2)));
}

TEST(OperationCounterTest, NestedCountersSeeTheSameAndOtherThreadsNothing) {
  const at::Tensor a = at::ones({4, 4});
  const OperationCounter outer;
  {
    const OperationCounter inner;
    at::exp(a);
    std::thread([&] { at::exp(a); }).join();
    EXPECT_EQ(inner.launches(), 1);
  }
  at::exp(a);
  EXPECT_EQ(outer.launches(), 2);
}

}  // namespace
}  // namespace lossd::aten
