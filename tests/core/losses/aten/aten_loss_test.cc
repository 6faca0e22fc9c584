// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_loss.h"

#include <ATen/ATen.h>

#include <functional>
#include <new>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::RunBatch;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCase;

constexpr int64_t kGroupBytes = int64_t{100} << 20;

// Plans as squared_norm, takes 100 MiB a group, and runs what it is given.
class FakeAtenLoss final : public AtenLoss {
 public:
  explicit FakeAtenLoss(std::function<void(Groups)> run)
      : AtenLoss(MakeSquaredNorm(), Target{}), run_(std::move(run)) {}

 private:
  int64_t WorkspaceBytes(const ComputeSpec&, const LossPlan&) const override { return kGroupBytes; }
  void RunGroups(Groups groups) const override { run_(groups); }

  const std::function<void(Groups)> run_;
};

TestCase MakeCase() {
  TestCase test_case;
  test_case.request.loss = SquaredNormConfig{};
  test_case.inputs = {{"x.0", {1}, {1}}};
  return test_case;
}

TEST(AtenLossTest, LackOfMemoryIsThrownAsBadAlloc) {
  Serial serial;
  const FakeAtenLoss device([](Groups) {
    throw c10::OutOfMemoryError({"Compute", __FILE__, __LINE__}, "device full");
  });
  EXPECT_THROW(RunBatch(device, {MakeCase()}, serial), std::bad_alloc);
  const FakeAtenLoss host([](Groups) { at::empty({int64_t{1} << 60}, at::kByte); });
  EXPECT_THROW(RunBatch(host, {MakeCase()}, serial), std::bad_alloc);
}

TEST(AtenLossTest, OtherFailuresAreThrownAsTheyAre) {
  Serial serial;
  const FakeAtenLoss loss([](Groups) { at::zeros({2}).add(at::zeros({3})); });
  EXPECT_THROW(RunBatch(loss, {MakeCase()}, serial), c10::Error);
}

TEST(AtenLossTest, RunsAsManyGroupsTogetherAsMemoryAllows) {
  Serial serial;
  std::vector<size_t> runs;
  const FakeAtenLoss loss([&](Groups groups) { runs.push_back(groups.size()); });
  RunBatch(loss, std::vector<TestCase>(5, MakeCase()), serial);
  EXPECT_EQ(runs, (std::vector<size_t>{2, 2, 1}));
}

TEST(AtenLossTest, PlansWithItsOwnWorkspace) {
  const FakeAtenLoss loss([](Groups) {});
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.inputs = {{"x.0", DType::kFloat32, {1}}};
  ASSERT_OK_AND_ASSIGN(const auto plan, loss.Prepare(request));
  EXPECT_EQ(plan->workspace_bytes, kGroupBytes);
  EXPECT_EQ(loss.Describe().name, "squared_norm");
  // RunGroups looks at every element: that is work, however much the copy of the inputs has seen.
  EXPECT_FALSE(plan->uses_squares_of_inputs);
}

}  // namespace
}  // namespace lossd::aten
