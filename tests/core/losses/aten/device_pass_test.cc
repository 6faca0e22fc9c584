// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/device_pass.h"

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/batch_runner.h"
#include "core/engine/parallel.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/operation_counter.h"
#include "core/losses/registry.h"
#include "core/planner.h"
#include "core/tensor/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_device.h"
#include "tests/support/random_requests.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::FakeDevice;
using ::testing::IsEmpty;

// The losses of ATen on the processor, on tensors that a lane moves to a device and back, and without.
class DevicePassTest : public ::testing::Test {
 protected:
  DevicePassTest() { MakeLane(); }

  // One that has counted nothing yet.
  void MakeLane() {
    auto device = std::make_unique<FakeDevice>(1, int64_t{8} << 30);
    device->RunAtOnce();
    device_ = device.get();
    lane_ = DeviceLane::Create(std::move(device), {.slots = 2, .memory_bytes = int64_t{4} << 30}).value();
  }

  // A request of `loss` with random inputs, which lie side by side as the server lays them.
  std::unique_ptr<ComputeTask> MakeTask(ComputeSpec request, bool has_device = false) {
    auto task = std::make_unique<ComputeTask>();
    const Loss& loss = losses_.For(request.loss);
    task->plan = MakePlan(std::move(request), loss, 1e18, has_device).value();
    size_t bytes = 0;
    for (const TensorSpec& spec : task->plan->inputs) bytes += Aligned(spec);
    const Buffer region = pool_.Allocate(bytes);
    size_t offset = 0;
    for (const TensorSpec& spec : task->plan->inputs) {
      Tensor& input = task->inputs.emplace_back(spec, region, offset);
      Fill(input);
      offset += Aligned(spec);
    }
    return task;
  }

  BatchResults Run(const std::vector<std::unique_ptr<ComputeTask>>& tasks, DeviceLane* lane) {
    std::vector<const ComputeTask*> batch;
    for (const auto& task : tasks) batch.push_back(task.get());
    return RunBatch(*batch[0]->plan->loss, batch, {serial_, pool_, lane});
  }

  static ComputeSpec NtXent(int64_t n, int64_t d) {
    ComputeSpec request;
    request.loss = NtXentConfig{};
    for (const char* name : {"out_1", "out_2"}) request.inputs.push_back({name, DType::kFloat32, {n, d}});
    return request;
  }
  static ComputeSpec Rows(LossConfig loss, std::vector<TensorSpec> inputs) {
    ComputeSpec request;
    request.loss = std::move(loss);
    request.inputs = std::move(inputs);
    return request;
  }
  // Every loss that is a contrast of rows, and its costliest options.
  static std::vector<ComputeSpec> Contrasts() {
    const TensorSpec image{"image", DType::kFloat32, {6, 5}};
    const TensorSpec text{"text", DType::kFloat32, {6, 5}};
    const TensorSpec scale{"logit_scale", DType::kFloat32, {}};
    const TensorSpec bias{"logit_bias", DType::kFloat32, {}};
    const std::vector<TensorSpec> views = NtXent(5, 7).inputs;
    return {NtXent(5, 7),
            Rows(NtXentConfig{.normalize = true}, views),
            Rows(DclConfig{}, views),
            Rows(DclConfig{.weight_sigma = 0.5}, views),
            Rows(InfoNceConfig{.symmetric = true}, {{"query", DType::kFloat32, {6, 5}},
                                                    {"key", DType::kFloat32, {6, 5}},
                                                    {"negative.0", DType::kFloat32, {3, 5}}}),
            Rows(ClipConfig{}, {image, text, scale}),
            Rows(SigLipConfig{}, {image, text, scale, bias}),
            Rows(SupConConfig{}, {{"features", DType::kFloat32, {6, 5}}, {"labels", DType::kInt64, {6}}})};
  }
  static ComputeSpec Moments(LossConfig loss) {
    return Rows(std::move(loss), {{"z_1", DType::kFloat32, {6, 5}}, {"z_2", DType::kFloat32, {6, 5}}});
  }
  static ComputeSpec Maps(int64_t b, int64_t c, int64_t h) {
    ComputeSpec request;
    FeatureMapContrastiveConfig config;
    config.comparisons = "00";
    config.sampling = SamplingSeed{.torch_seed = 1, .numpy_seed = 1};
    request.loss = config;
    for (const char* name : {"anchor.0", "positive.0"}) request.inputs.push_back({name, DType::kFloat32, {b, c, h, h}});
    return request;
  }
  static ComputeSpec Cpc(int64_t b, int64_t c, int64_t h) {
    ComputeSpec request;
    request.loss = CpcConfig{};
    request.inputs.push_back({"z", DType::kFloat32, {b, c, h, h}});
    return request;
  }
  static ComputeSpec SquaredNorm() {
    ComputeSpec request;
    request.loss = SquaredNormConfig{};
    request.inputs = {{"x.0", DType::kFloat32, {3, 5}}, {"x.1", DType::kFloat32, {7}}};
    return request;
  }

  // Gives `narrow` the numbers of `wide`, which its dtype holds exactly.
  static void CopyNumbers(const ComputeTask& narrow, const ComputeTask& wide, DType dtype) {
    for (size_t i = 0; i < wide.inputs.size(); ++i) {
      RoundTo(DType::kFloat32, wide.inputs[i].bytes(), dtype, narrow.inputs[i].bytes(), wide.inputs[i].element_count());
    }
  }

  void ExpectSame(const absl::StatusOr<ComputeResult>& got, const absl::StatusOr<ComputeResult>& expected) {
    ASSERT_EQ(got.status(), expected.status());
    if (!expected.ok()) return;
    EXPECT_TRUE(got->objective == expected->objective || std::isnan(expected->objective));
    ASSERT_EQ(got->outputs.size(), expected->outputs.size());
    for (size_t i = 0; i < got->outputs.size(); ++i) ExpectSameBytes(got->outputs[i], expected->outputs[i]);
    ASSERT_EQ(got->gradients.size(), expected->gradients.size());
    for (size_t i = 0; i < got->gradients.size(); ++i) ExpectSameBytes(got->gradients[i], expected->gradients[i]);
  }

  const LossRegistry losses_{MakeAtenLosses("aten-cpu", {.parameter_cache_bytes = 1 << 20}).value()};
  FakeDevice* device_;  // Owned by the lane.
  std::unique_ptr<DeviceLane> lane_;
  Serial serial_;
  BufferPool pool_{1 << 20};

 private:
  static size_t Aligned(const TensorSpec& spec) {
    return (static_cast<size_t>(ByteSize(spec)) + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  }
  // Of a 16-bit type with the same numbers as of float32.
  void Fill(const Tensor& input) {
    if (input.spec().dtype == DType::kInt64) {
      for (int64_t& label : input.elements<int64_t>()) label = static_cast<int64_t>(Random() > 0);
      return;
    }
    std::vector<float> numbers(static_cast<size_t>(input.element_count()));
    for (float& number : numbers) number = static_cast<float>(static_cast<int>(128 * Random())) / 128;  // Eight bits.
    RoundTo(DType::kFloat32, numbers.data(), input.spec().dtype, input.bytes(), input.element_count());
  }
  float Random() {
    seed_ = seed_ * 1664525 + 1013904223;
    return static_cast<float>(seed_ >> 8) / float{1 << 24} - 0.5F;
  }
  static void ExpectSameBytes(const Tensor& got, const Tensor& expected) {
    ASSERT_EQ(got.spec(), expected.spec());
    const auto bytes = static_cast<size_t>(got.byte_size());
    EXPECT_EQ(std::vector<std::byte>(got.bytes(), got.bytes() + bytes),
              std::vector<std::byte>(expected.bytes(), expected.bytes() + bytes))
        << got.spec().name;
  }

  uint32_t seed_ = 7;
};

TEST_F(DevicePassTest, AllLossesGiveTheSameBitsAsWithoutADeviceAloneAndTogether) {
  for (const ComputeSpec& request : {NtXent(5, 7), Maps(4, 3, 3), Cpc(2, 4, 5), SquaredNorm()}) {
    std::vector<std::unique_ptr<ComputeTask>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(MakeTask(request));
    const BatchResults expected = Run(tasks, nullptr);
    const BatchResults together = Run(tasks, lane_.get());
    for (size_t i = 0; i < tasks.size(); ++i) ExpectSame(together[i], expected[i]);
  }
  EXPECT_THAT(device_->violations(), IsEmpty());
}

TEST_F(DevicePassTest, RandomRequestsOfEveryLossGiveTheSameBitsAndWaitForNothing) {
  std::mt19937 random(5);
  for (size_t loss = 0; loss < kLossCount; ++loss) {
    for (int i = 0; i < 8; ++i) {
      const testing::RandomRequest drawn = testing::DrawRequestOf(loss, random, pool_);
      std::vector<std::unique_ptr<ComputeTask>> tasks;
      for (int copy = 0; copy < 2; ++copy) {
        tasks.push_back(std::make_unique<ComputeTask>());
        tasks.back()->plan = MakePlan(drawn.spec, losses_.For(drawn.spec.loss), 1e18).value();
        tasks.back()->inputs = drawn.inputs;
      }
      const BatchResults expected = Run(tasks, nullptr);
      const aten::OperationCounter counter;
      const BatchResults got = Run(tasks, lane_.get());
      EXPECT_EQ(counter.synchronizations(), 0) << kLossNames[loss] << ::testing::PrintToString(counter.by_name());
      for (size_t t = 0; t < tasks.size(); ++t) ExpectSame(got[t], expected[t]);
      if (HasFailure()) return;
    }
  }
}

TEST_F(DevicePassTest, ARequestGoesUpInOneCopyComesDownInOneAndNothingIsWaitedForBetween) {
  std::vector<ComputeSpec> requests = Contrasts();
  for (const ComputeSpec& request : {Maps(4, 3, 3), Cpc(2, 4, 5), SquaredNorm()}) requests.push_back(request);
  for (const ComputeSpec& request : requests) {
    const LaneStats before = lane_->stats();
    std::vector<std::unique_ptr<ComputeTask>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(MakeTask(request));
    const aten::OperationCounter counter;
    for (const auto& result : Run(tasks, lane_.get())) EXPECT_OK(result.status());
    const LaneStats after = lane_->stats();
    EXPECT_EQ(after.requests - before.requests, 4);
    EXPECT_EQ(after.copies_up - before.copies_up, 4) << "loss " << request.loss.index();
    EXPECT_EQ(after.copies_down - before.copies_down, 4) << "loss " << request.loss.index();
    EXPECT_EQ(counter.synchronizations(), 0)
        << "loss " << request.loss.index() << ": " << ::testing::PrintToString(counter.by_name());
  }
}

TEST_F(DevicePassTest, SixteenBitInputsGoUpAsTheyCameAndAreWidenedThere) {
  for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
    ComputeSpec request = NtXent(8, 16);
    request.gradients.dtype = DType::kFloat32;
    std::vector<std::unique_ptr<ComputeTask>> wide;
    wide.push_back(MakeTask(request));
    for (TensorSpec& input : request.inputs) input.dtype = dtype;
    std::vector<std::unique_ptr<ComputeTask>> narrow;
    narrow.push_back(MakeTask(request, /*has_device=*/true));
    CopyNumbers(*narrow[0], *wide[0], dtype);
    const int64_t before = lane_->stats().bytes_up;
    const BatchResults got = Run(narrow, lane_.get());
    EXPECT_EQ(lane_->stats().bytes_up - before, 2 * 8 * 16 * 2);
    ExpectSame(got[0], Run(wide, nullptr)[0]);
  }
}

TEST_F(DevicePassTest, SixteenBitGradientsComeDownRoundedWithTheBitsThatTheHostGives) {
  std::vector<ComputeSpec> requests = Contrasts();
  for (const ComputeSpec& request : {Maps(4, 3, 3), Cpc(2, 4, 5), SquaredNorm(), Moments(VicRegConfig{})}) {
    requests.push_back(request);
  }
  for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
    for (ComputeSpec request : requests) {
      SCOPED_TRACE(::testing::Message() << kLossNames[request.loss.index()] << " " << DTypeName(dtype));
      request.gradients.dtype = dtype;
      std::vector<std::unique_ptr<ComputeTask>> on_device;
      std::vector<std::unique_ptr<ComputeTask>> on_host;
      for (int i = 0; i < 2; ++i) {
        on_device.push_back(MakeTask(request, /*has_device=*/true));
        on_host.push_back(MakeTask(request));
        for (const GradientPlan& gradient : on_device.back()->plan->gradients) {
          EXPECT_EQ(gradient.computed.dtype, dtype);  // So many bytes come down.
        }
        on_host.back()->inputs = on_device.back()->inputs;
      }
      const BatchResults got = Run(on_device, lane_.get());
      const BatchResults expected = Run(on_host, nullptr);
      for (size_t i = 0; i < got.size(); ++i) {
        ExpectSame(got[i], expected[i]);
        EXPECT_NEAR(got[i]->gradient_norm, expected[i]->gradient_norm, 1e-6 * expected[i]->gradient_norm);
        EXPECT_EQ(got[i]->nonfinite, expected[i]->nonfinite);
      }
    }
  }
}

TEST_F(DevicePassTest, GradientsThatSixteenBitsDoNotHoldAreNamedWithTheirNorm) {
  ComputeSpec request = SquaredNorm();
  request.gradients.dtype = DType::kFloat16;
  request.gradients.scale = 1e6;
  std::vector<std::unique_ptr<ComputeTask>> on_device;
  on_device.push_back(MakeTask(request, /*has_device=*/true));
  std::vector<std::unique_ptr<ComputeTask>> on_host;
  on_host.push_back(MakeTask(request));
  on_host[0]->inputs = on_device[0]->inputs;
  const BatchResults got = Run(on_device, lane_.get());
  const BatchResults expected = Run(on_host, nullptr);
  ExpectSame(got[0], expected[0]);
  EXPECT_FALSE(got[0]->nonfinite.empty());
  EXPECT_EQ(got[0]->nonfinite, expected[0]->nonfinite);
  EXPECT_NEAR(got[0]->gradient_norm, expected[0]->gradient_norm, 1e-9 * expected[0]->gradient_norm);
}

// All of a batch: a chunk of a contrast; one comparison of maps in both directions, a chunk each.
TEST_F(DevicePassTest, ABatchTakesEquallyManyLaunchesHoweverManyGroups) {
  std::vector<std::pair<ComputeSpec, int64_t>> most;
  for (const ComputeSpec& request : Contrasts()) most.emplace_back(request, 40);
  most.emplace_back(Maps(4, 3, 3), 40);
  most.emplace_back(SquaredNorm(), 40);
  most.emplace_back(Moments(VicRegConfig{}), 150);
  most.emplace_back(Moments(BarlowTwinsConfig{}), 120);
  most.emplace_back(Cpc(2, 4, 5), 600);
  for (const auto& [request, limit] : most) {
    std::vector<int64_t> launches;
    for (const int groups : {2, 16}) {
      std::vector<std::unique_ptr<ComputeTask>> tasks;
      for (int i = 0; i < groups; ++i) tasks.push_back(MakeTask(request));
      MakeLane();
      for (const auto& result : Run(tasks, lane_.get())) EXPECT_OK(result.status());
      launches.push_back(lane_->stats().operations);
    }
    RecordProperty(std::string(kLossNames[request.loss.index()]), std::to_string(launches[0]));
    EXPECT_EQ(launches[0], launches[1]) << kLossNames[request.loss.index()];
    EXPECT_LE(launches[0], limit) << kLossNames[request.loss.index()];
  }
}

// But is counted once: the lane goes on with what it has counted.
TEST_F(DevicePassTest, TheLaneKnowsHowManyLaunchesThereWereWithoutCountingEach) {
  const auto run = [&] {
    std::vector<std::unique_ptr<ComputeTask>> tasks;
    tasks.push_back(MakeTask(NtXent(5, 7)));
    const int64_t before = lane_->stats().operations;
    EXPECT_OK(Run(tasks, lane_.get())[0].status());
    return lane_->stats().operations - before;
  };
  const int64_t counted = run();
  EXPECT_GT(counted, 0);
  const std::string key = MakeTask(NtXent(5, 7))->plan->detail->batch_key;
  lane_->launch_counts().Set(key, counted + 1000);  // So that it shows whether the next one is counted.
  for (int i = 1; i < LaunchCounts::kPeriod; ++i) EXPECT_EQ(run(), counted + 1000);
  EXPECT_EQ(run(), counted);
}

TEST_F(DevicePassTest, GradientsThatOneRequestWantsAndAnotherDoesNot) {
  std::vector<std::unique_ptr<ComputeTask>> tasks;
  for (const char* name : {"out_1", "out_2"}) {
    ComputeSpec request = NtXent(3, 4);
    request.gradients.mode = GradientSelection::Mode::kNamed;
    request.gradients.names = {name};
    tasks.push_back(MakeTask(request));
  }
  const BatchResults expected = Run(tasks, nullptr);
  const BatchResults got = Run(tasks, lane_.get());
  for (size_t i = 0; i < tasks.size(); ++i) ExpectSame(got[i], expected[i]);
}

TEST_F(DevicePassTest, NormsComeFromTheDeviceUnlessTheyOverflowThere) {
  std::vector<std::unique_ptr<ComputeTask>> tasks;
  for (const float scale : {1.0F, 1e20F}) {
    tasks.push_back(MakeTask(SquaredNorm()));
    for (const Tensor& input : tasks.back()->inputs) {
      for (float& element : input.elements<float>()) element *= scale;
    }
  }
  const BatchResults expected = Run(tasks, nullptr);
  const BatchResults got = Run(tasks, lane_.get());
  for (size_t i = 0; i < tasks.size(); ++i) {
    ASSERT_OK(got[i].status());
    EXPECT_NEAR(got[i]->gradient_norm, expected[i]->gradient_norm, 1e-6 * expected[i]->gradient_norm);
    EXPECT_EQ(got[i]->nonfinite, expected[i]->nonfinite);  // Of the large one the loss, which float32 does not hold.
  }
}

// What is computed in float64 is looked over as the float32 that it becomes.
TEST_F(DevicePassTest, GradientsThatFloat32DoesNotHoldAreNamed) {
  ComputeSpec request = SquaredNorm();
  request.gradients.scale = 1e30;
  std::vector<std::unique_ptr<ComputeTask>> tasks;
  tasks.push_back(MakeTask(request));
  for (const Tensor& input : tasks.back()->inputs) {
    for (float& element : input.elements<float>()) element = 1e15F;
  }
  const BatchResults expected = Run(tasks, nullptr);
  const BatchResults got = Run(tasks, lane_.get());
  ASSERT_OK(got[0].status());
  EXPECT_FALSE(got[0]->nonfinite.empty());
  EXPECT_EQ(got[0]->nonfinite, expected[0]->nonfinite);
}

TEST_F(DevicePassTest, ALostDeviceAnswersInternal) {
  std::vector<std::unique_ptr<ComputeTask>> tasks;
  tasks.push_back(MakeTask(NtXent(3, 4)));
  tasks.push_back(MakeTask(NtXent(3, 4)));
  device_->Break();
  for (const auto& result : Run(tasks, lane_.get())) {
    EXPECT_THAT(result, ::lossd::testing::StatusIs(absl::StatusCode::kInternal, ::testing::HasSubstr("lost")));
  }
}

TEST_F(DevicePassTest, OutOfMemoryTogetherIsTriedAlone) {
  std::vector<std::unique_ptr<ComputeTask>> tasks;
  tasks.push_back(MakeTask(NtXent(3, 4)));
  tasks.push_back(MakeTask(NtXent(3, 4)));
  device_->RunOutOfMemory(2);
  for (const auto& result : Run(tasks, lane_.get())) EXPECT_OK(result.status());
}

}  // namespace
}  // namespace lossd
