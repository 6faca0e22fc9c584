// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tile_backend.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/larger_or_nan.h"
#include "tests/support/loss_runs.h"
#include "tests/support/random_requests.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawRequest;
using ::lossd::testing::LargerOrNan;
using ::lossd::testing::RandomRequest;
using ::lossd::testing::StatusIs;
using ::lossd::testing::Values;
using ::testing::HasSubstr;

class BatchCounter final : public BackendObserver {
 public:
  void OnBatch(int requests) override { largest_ = std::max(largest_.load(), requests); }
  int largest() const { return largest_; }

 private:
  std::atomic<int> largest_ = 0;
};

std::unique_ptr<LossBackend> MakeBackend(int threads, BackendObserver* observer = nullptr,
                                         GemmPrecision precision = GemmPrecision::kFloat32) {
  TileBackendOptions options;
  options.gemm_precision = precision;
  options.scheduler.threads = threads;
  options.observer = observer;
  if (precision == GemmPrecision::kFloat32) return CreateTileBackend(options).value();
  // As on a processor where that is faster.
  return CreateScheduledBackend(options, MakeTileLosses(options.parameter_cache_bytes), DeviceDescription()).value();
}

// A request of inputs in float32, all of one shape. Gradients are wanted in float64.
RandomRequest RequestOf(LossConfig loss, const std::vector<std::string>& names, const Shape& shape,
                        std::mt19937& random, BufferPool& pool) {
  RandomRequest request;
  request.spec.loss = std::move(loss);
  request.spec.gradients.dtype = DType::kFloat64;
  std::normal_distribution<float> normal;
  for (const std::string& name : names) {
    request.spec.inputs.push_back({name, DType::kFloat32, shape});
    const TensorSpec& spec = request.spec.inputs.back();
    Tensor& tensor = request.inputs.emplace_back(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
    for (float& element : tensor.elements<float>()) element = normal(random);
  }
  return request;
}

RandomRequest MapsOf(int64_t images, std::mt19937& random, BufferPool& pool) {
  FeatureMapContrastiveConfig config;
  config.comparisons = "00";
  config.sampling.emplace<SamplingSeed>().torch_seed = 5;
  return RequestOf(config, {"anchor.0", "positive.0"}, {images, 5, 2, 2}, random, pool);
}

RandomRequest CpcOf(int64_t images, std::mt19937& random, BufferPool& pool) {
  CpcConfig config;
  config.init_seed = 7;
  return RequestOf(config, {"z"}, {images, 4, 5, 5}, random, pool);
}

// Requests that gain from products in bf16 where these are faster.
std::vector<RandomRequest> LargeRequests(std::mt19937& random, BufferPool& pool) {
  return {MapsOf(128, random, pool), MapsOf(130, random, pool), CpcOf(8, random, pool)};
}

ComputeTask MakeTask(LossBackend& backend, const RandomRequest& request) {
  ComputeTask task;
  task.plan = backend.Prepare(request.spec).value();
  task.inputs = request.inputs;
  return task;
}

// Submits all requests at once; returns the answers in the order of the requests.
std::vector<absl::StatusOr<ComputeResult>> ComputeTogether(LossBackend& backend,
                                                           const std::vector<RandomRequest>& requests) {
  std::vector<absl::StatusOr<ComputeResult>> results(requests.size(), absl::UnknownError("not answered"));
  absl::BlockingCounter pending(static_cast<int>(requests.size()));
  for (size_t i = 0; i < requests.size(); ++i) {
    ComputeTask task = MakeTask(backend, requests[i]);
    task.done = [&results, &pending, i](absl::StatusOr<ComputeResult> result) {
      results[i] = std::move(result);
      pending.DecrementCount();
    };
    backend.Submit(std::move(task));
  }
  pending.Wait();
  return results;
}

std::vector<absl::StatusOr<ComputeResult>> ComputeAlone(LossBackend& backend,
                                                        const std::vector<RandomRequest>& requests) {
  std::vector<absl::StatusOr<ComputeResult>> results;
  for (const RandomRequest& request : requests) {
    results.push_back(std::move(ComputeTogether(backend, {request}).front()));
  }
  return results;
}

void AppendBytes(const std::vector<Tensor>& tensors, std::string& bytes) {
  for (const Tensor& tensor : tensors) {
    bytes += tensor.spec().name;
    bytes.append(reinterpret_cast<const char*>(tensor.bytes()), static_cast<size_t>(tensor.byte_size()));
  }
}

// Everything that a caller sees of a result, but for the times.
std::string AllBytes(const ComputeResult& result) {
  std::string bytes(sizeof(double), '\0');
  std::memcpy(bytes.data(), &result.objective, sizeof(double));
  AppendBytes(result.outputs, bytes);
  AppendBytes(result.gradients, bytes);
  for (const std::string& name : result.nonfinite) bytes += name;
  return bytes;
}

class TileBackendBytesTest : public ::testing::TestWithParam<GemmPrecision> {};

INSTANTIATE_TEST_SUITE_P(Precisions, TileBackendBytesTest,
                         ::testing::Values(GemmPrecision::kFloat32, GemmPrecision::kBf16));

TEST_P(TileBackendBytesTest, EqualRequestsHaveEqualBytesAloneInBatchesAndOnAnyNumberOfThreads) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(20);
  std::vector<RandomRequest> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(DrawRequest(random, pool));
  for (int i = 0; i < 3; ++i) {
    for (RandomRequest& request : LargeRequests(random, pool)) requests.push_back(std::move(request));
  }
  BatchCounter batches;
  const auto one = MakeBackend(1, &batches, GetParam());
  const auto two = MakeBackend(2, nullptr, GetParam());
  const auto five = MakeBackend(5, nullptr, GetParam());
  const auto alone = ComputeAlone(*one, requests);
  const auto batched = ComputeTogether(*one, requests);
  const auto helped = ComputeAlone(*two, requests);
  const auto all = ComputeTogether(*five, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_OK(alone[i]);
    ASSERT_OK(batched[i]);
    ASSERT_OK(helped[i]);
    ASSERT_OK(all[i]);
    const std::string expected = AllBytes(*alone[i]);
    ASSERT_EQ(AllBytes(*batched[i]), expected) << "request " << i << " in a batch";
    ASSERT_EQ(AllBytes(*helped[i]), expected) << "request " << i << " on two threads";
    ASSERT_EQ(AllBytes(*all[i]), expected) << "request " << i << " in a batch on five threads";
  }
  EXPECT_GT(batches.largest(), 1) << "no batch was formed: the test shows nothing";
}

// Largest difference of two results' gradients, as a share of the largest value.
double LargestDifference(const ComputeResult& a, const ComputeResult& b) {
  double difference = 0, largest = 0;
  for (size_t i = 0; i < a.gradients.size(); ++i) {
    const std::vector<double> x = Values(a.gradients[i]), y = Values(b.gradients[i]);
    for (size_t j = 0; j < x.size(); ++j) {
      difference = LargerOrNan(difference, std::abs(x[j] - y[j]));
      largest = std::max(largest, std::abs(x[j]));
    }
  }
  return difference / largest;
}

TEST(TileBackendTest, Bf16ProductsChangeResultsAsMuchAsRoundingOperandsDoes) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(23);
  const std::vector<RandomRequest> requests = LargeRequests(random, pool);
  const auto exact = ComputeAlone(*MakeBackend(1), requests);
  const auto rounded = ComputeAlone(*MakeBackend(1, nullptr, GemmPrecision::kBf16), requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_OK(exact[i]);
    ASSERT_OK(rounded[i]);
    const double difference = LargestDifference(*rounded[i], *exact[i]);
    EXPECT_GT(difference, 0) << "request " << i;
    EXPECT_LT(difference, 0.05) << "request " << i;
    EXPECT_NEAR(rounded[i]->objective, exact[i]->objective, 0.02 * std::abs(exact[i]->objective)) << "request " << i;
  }
}

TEST(TileBackendTest, Bf16IsNotTakenWhereItWouldBeSlower) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(24);
  const std::vector<RandomRequest> requests = {MapsOf(127, random, pool), CpcOf(6, random, pool),
                                               RequestOf(NtXentConfig{}, {"out_1", "out_2"}, {300, 20}, random, pool)};
  const auto exact = ComputeAlone(*MakeBackend(1), requests);
  const auto asked = ComputeAlone(*MakeBackend(1, nullptr, GemmPrecision::kBf16), requests);
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(AllBytes(*asked[i]), AllBytes(*exact[i])) << "request " << i;
}

// The processor decides, too: as CreateTileBackend makes it, a back end that is asked for bf16 is one of both.
TEST(TileBackendTest, Bf16IsTakenOnlyWhereTheProcessorIsFasterInIt) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(25);
  const std::vector<RandomRequest> requests = LargeRequests(random, pool);
  TileBackendOptions options;
  options.scheduler.threads = 1;
  options.gemm_precision = GemmPrecision::kBf16;
  const auto asked = CreateTileBackend(options).value();
  const auto expected =
      MakeBackend(1, nullptr, Bf16ProductsAreFaster() ? GemmPrecision::kBf16 : GemmPrecision::kFloat32);
  const auto results = ComputeAlone(*asked, requests);
  const auto likely = ComputeAlone(*expected, requests);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(AllBytes(*results[i]), AllBytes(*likely[i])) << "request " << i;
}

// In one process, at the same time.
TEST(TileBackendTest, BackendsOfDifferentPrecisionDoNotDisturbEachOther) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(26);
  const std::vector<RandomRequest> requests = LargeRequests(random, pool);
  const auto exact = MakeBackend(2);
  const auto rounding = MakeBackend(2, nullptr, GemmPrecision::kBf16);
  const auto alone = ComputeAlone(*exact, requests);
  const auto rounded = ComputeAlone(*rounding, requests);
  std::thread other([&] {
    for (int i = 0; i < 20; ++i) {
      const auto again = ComputeTogether(*rounding, requests);
      for (size_t r = 0; r < requests.size(); ++r) ASSERT_EQ(AllBytes(*again[r]), AllBytes(*rounded[r]));
    }
  });
  for (int i = 0; i < 20; ++i) {
    const auto again = ComputeTogether(*exact, requests);
    for (size_t r = 0; r < requests.size(); ++r) EXPECT_EQ(AllBytes(*again[r]), AllBytes(*alone[r]));
  }
  other.join();
  for (size_t r = 0; r < requests.size(); ++r) EXPECT_NE(AllBytes(*alone[r]), AllBytes(*rounded[r]));
}

TEST(TileBackendTest, EveryTaskIsAnsweredWhenTheBackendDrains) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(21);
  const auto backend = MakeBackend(2);
  std::atomic<int> answered = 0;
  for (int i = 0; i < 50; ++i) {
    ComputeTask task = MakeTask(*backend, DrawRequest(random, pool));
    task.done = [&answered](const absl::StatusOr<ComputeResult>& result) { answered += result.ok(); };
    backend->Submit(std::move(task));
  }
  backend->Drain();
  EXPECT_EQ(answered, 50);
  const auto late = ComputeTogether(*backend, {DrawRequest(random, pool)});
  EXPECT_THAT(late[0], StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
}

TEST(TileBackendTest, InputsThatDifferFromThePlanAreRefused) {
  BufferPool pool(size_t{1} << 20);
  std::mt19937 random(22);
  const auto backend = MakeBackend(1);
  ComputeTask task = MakeTask(*backend, DrawRequest(random, pool));
  task.inputs.pop_back();
  std::optional<absl::Status> status;
  task.done = [&status](const absl::StatusOr<ComputeResult>& result) { status = result.status(); };
  backend->Submit(std::move(task));
  ASSERT_TRUE(status.has_value());
  EXPECT_THAT(*status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("as planned")));
}

TEST(TileBackendTest, CancelledTasksAreAnsweredCancelled) {
  BufferPool pool(size_t{1} << 20);
  std::mt19937 random(23);
  const auto backend = MakeBackend(1);
  ComputeTask task = MakeTask(*backend, DrawRequest(random, pool));
  task.cancellation = std::make_shared<Cancellation>();
  task.cancellation->Cancel();
  std::optional<absl::Status> status;
  task.done = [&status](const absl::StatusOr<ComputeResult>& result) { status = result.status(); };
  backend->Submit(std::move(task));
  backend->Drain();
  ASSERT_TRUE(status.has_value());
  EXPECT_THAT(*status, StatusIs(absl::StatusCode::kCancelled));
}

TEST(TileBackendTest, DescribesDevicesAndLosses) {
  const auto backend = MakeBackend(3);
  ASSERT_EQ(backend->Devices().size(), 1u);
  EXPECT_EQ(backend->Devices()[0].name, "cpu");
  EXPECT_EQ(backend->Devices()[0].threads, 3);
  std::vector<std::string> names;
  for (const LossDescription& loss : backend->Losses()) names.push_back(loss.name);
  EXPECT_THAT(names, ::testing::ElementsAreArray(kLossNames));
}

}  // namespace
}  // namespace lossd
