// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/batch_runner.h"

#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/planner.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_loss.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::FakeLoss;
using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class BatchRunnerTest : public ::testing::Test {
 protected:
  // A request for one input "x" of two float32, filled with `values`.
  ComputeTask MakeTask(std::vector<float> values, NonfinitePolicy policy = NonfinitePolicy::kReport,
                       std::optional<DType> gradient_dtype = std::nullopt) {
    ComputeSpec request;
    request.loss = SquaredNormConfig{};
    request.nonfinite_policy = policy;
    request.gradients.dtype = gradient_dtype;
    request.inputs = {{"x", DType::kFloat32, {static_cast<int64_t>(values.size())}}};
    ComputeTask task;
    task.plan = MakePlan(request, loss_, 1e18).value();
    task.inputs.push_back(Tensor(request.inputs[0], pool_.Allocate(values.size() * 4)));
    std::copy(values.begin(), values.end(), task.inputs[0].data<float>());
    return task;
  }

  BatchResults Run(std::vector<const ComputeTask*> tasks) {
    return RunBatch(*tasks.front()->plan->loss, tasks, {serial_, pool_});
  }

  // Copies inputs to gradients, their sum to the loss.
  static void CopyInputs(absl::Span<LossTask* const> batch) {
    for (LossTask* task : batch) {
      task->objective = 0;
      for (float x : task->inputs[0].elements<float>()) task->objective += x;
      *task->outputs[0].data<float>() = static_cast<float>(task->objective);
      if (task->gradients[0].buffer()) {
        std::copy_n(task->inputs[0].data<float>(), task->inputs[0].element_count(), task->gradients[0].data<float>());
      }
    }
  }

  FakeLoss loss_;
  Serial serial_;
  BufferPool pool_{1 << 20};
};

TEST_F(BatchRunnerTest, ReturnsWhatTheLossWrites) {
  loss_.run = CopyInputs;
  const ComputeTask task = MakeTask({3, 4});
  const auto results = Run({&task});
  ASSERT_THAT(results, SizeIs(1));
  ASSERT_OK(results[0]);
  EXPECT_EQ(results[0]->objective, 7);
  EXPECT_THAT(results[0]->gradients[0].elements<float>(), ElementsAre(3, 4));
  EXPECT_EQ(results[0]->gradient_norm, 5);
  EXPECT_THAT(results[0]->nonfinite, IsEmpty());
}

TEST_F(BatchRunnerTest, InputsThatAreTheGradientsLeaveWithoutACopy) {
  loss_.gradients_are_inputs = true;
  const ComputeTask task = MakeTask({3, 4});
  const auto results = Run({&task});
  ASSERT_OK(results[0]);
  EXPECT_EQ(results[0]->gradients[0].bytes(), task.inputs[0].bytes());
  EXPECT_EQ(results[0]->gradient_norm, 5);
}

TEST_F(BatchRunnerTest, InputsThatAreTheGradientsAreRoundedElsewhere) {
  loss_.gradients_are_inputs = true;
  const ComputeTask task = MakeTask({3, 65536}, NonfinitePolicy::kReport, DType::kFloat16);
  const auto results = Run({&task});
  ASSERT_OK(results[0]);
  EXPECT_THAT(task.inputs[0].elements<float>(), ElementsAre(3, 65536));
  EXPECT_THAT(results[0]->gradients[0].elements<uint16_t>(), ElementsAre(0x4200, 0x7c00));
  EXPECT_THAT(results[0]->nonfinite, ElementsAre("x"));
}

TEST_F(BatchRunnerTest, GradientThatTheLossHasLookedOverIsNotLookedAtAgain) {
  loss_.run = [](absl::Span<LossTask* const> batch) {
    CopyInputs(batch);
    batch[0]->swept[0] = SweepStats{.finite = false, .sum_of_squares = 9};
  };
  const ComputeTask task = MakeTask({3, 4});
  const auto results = Run({&task});
  ASSERT_OK(results[0]);
  EXPECT_EQ(results[0]->gradient_norm, 3);
  EXPECT_THAT(results[0]->nonfinite, ElementsAre("x"));
}

TEST_F(BatchRunnerTest, RoundsGradientsToTheDtypeAskedFor) {
  loss_.run = CopyInputs;
  const ComputeTask task = MakeTask({1.0f + 1.0f / 1024, -2}, NonfinitePolicy::kReport, DType::kBFloat16);
  const auto results = Run({&task});
  ASSERT_OK(results[0]);
  EXPECT_EQ(results[0]->gradients[0].spec().dtype, DType::kBFloat16);
  EXPECT_THAT(results[0]->gradients[0].elements<uint16_t>(), ElementsAre(0x3f80, 0xc000));
}

// What a float32 gradient and the scale make together is more than a float32 holds, and less.
TEST_F(BatchRunnerTest, GradientsInFloat64AreScaledWhereTheyAreWide) {
  const auto squared_norm = MakeSquaredNorm();
  for (const double scale : {100.0, -1e60, 1e-60}) {
    ComputeSpec request;
    request.loss = SquaredNormConfig{};
    request.gradients.dtype = DType::kFloat64;
    request.gradients.scale = scale;
    request.inputs = {{"x.0", DType::kFloat32, {2}}};
    ComputeTask task;
    task.plan = MakePlan(request, *squared_norm, 1e18).value();
    task.inputs.push_back(Tensor(request.inputs[0], pool_.Allocate(8)));
    task.inputs[0].data<float>()[0] = 1e38F;
    task.inputs[0].data<float>()[1] = -2;
    const auto results = Run({&task});
    ASSERT_OK(results[0]);
    EXPECT_THAT(results[0]->gradients[0].elements<double>(),
                ElementsAre(static_cast<double>(1e38F) * scale, -2 * scale));
    EXPECT_NEAR(results[0]->gradient_norm / (static_cast<double>(1e38F) * std::abs(scale)), 1, 1e-12);
    EXPECT_THAT(results[0]->nonfinite, ElementsAre("loss"));  // Which is FLOAT32.
  }
}

TEST_F(BatchRunnerTest, NamesWhatIsNotFiniteUnderReport) {
  loss_.run = CopyInputs;
  const ComputeTask task = MakeTask({kNan, 1});
  const auto results = Run({&task});
  ASSERT_OK(results[0]);
  EXPECT_THAT(results[0]->nonfinite, ElementsAre("x", "loss", "x"));
}

TEST_F(BatchRunnerTest, RejectNamesTheFirstOfSeveralInputs) {
  ComputeSpec request;
  request.loss = SquaredNormConfig{};
  request.nonfinite_policy = NonfinitePolicy::kReject;
  ComputeTask task;
  for (const char* name : {"a", "b", "c"}) request.inputs.push_back({name, DType::kFloat32, {1}});
  task.plan = MakePlan(request, loss_, 1e18).value();
  for (const TensorSpec& spec : request.inputs) {
    task.inputs.push_back(Tensor(spec, pool_.Allocate(4)));
    *task.inputs.back().data<float>() = spec.name == "a" ? 1 : kNan;
  }
  EXPECT_THAT(Run({&task})[0], StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs[b].data")));
}

TEST_F(BatchRunnerTest, RejectRefusesNonfiniteInputsWithoutRunningThem) {
  int runs = 0;
  loss_.run = [&runs](absl::Span<LossTask* const> batch) {
    runs += static_cast<int>(batch.size());
    CopyInputs(batch);
  };
  const ComputeTask bad = MakeTask({kNan, 1}, NonfinitePolicy::kReject);
  const ComputeTask good = MakeTask({1, 1}, NonfinitePolicy::kReject);
  const auto results = Run({&bad, &good});
  EXPECT_THAT(results[0], StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs[x].data: expected finite")));
  EXPECT_OK(results[1]);
  EXPECT_EQ(runs, 1);
}

TEST_F(BatchRunnerTest, RejectAnswersOutOfRangeWhereFiniteInputsGiveNonfiniteResults) {
  loss_.run = [](absl::Span<LossTask* const> batch) {
    CopyInputs(batch);
    batch[0]->gradients[0].data<float>()[1] = kNan;
  };
  const ComputeTask task = MakeTask({1, 1}, NonfinitePolicy::kReject);
  EXPECT_THAT(Run({&task})[0], StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("infinity in x")));
}

TEST_F(BatchRunnerTest, AnExceptionFailsTheTaskThatCausesItAndNoOther) {
  loss_.run = [](absl::Span<LossTask* const> batch) {
    for (LossTask* task : batch) {
      if (task->inputs[0].data<float>()[0] == 13) throw std::runtime_error("unlucky");
    }
    CopyInputs(batch);
  };
  const ComputeTask good = MakeTask({1, 1});
  const ComputeTask bad = MakeTask({13, 1});
  const auto results = Run({&good, &bad, &good});
  EXPECT_OK(results[0]);
  EXPECT_THAT(results[1], StatusIs(absl::StatusCode::kInternal, HasSubstr("unlucky")));
  EXPECT_OK(results[2]);
}

TEST_F(BatchRunnerTest, LackOfMemoryIsResourceExhausted) {
  loss_.run = [](absl::Span<LossTask* const>) { throw std::bad_alloc(); };
  const ComputeTask task = MakeTask({1, 1});
  EXPECT_THAT(Run({&task})[0], StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("memory")));
}

TEST_F(BatchRunnerTest, AStatusSetByTheLossIsTheAnswer) {
  loss_.run = [](absl::Span<LossTask* const> batch) { batch[0]->status = absl::CancelledError("stopped"); };
  const ComputeTask task = MakeTask({1, 1});
  EXPECT_THAT(Run({&task})[0], StatusIs(absl::StatusCode::kCancelled, "stopped"));
}

}  // namespace
}  // namespace lossd
