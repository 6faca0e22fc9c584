// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tile_backend.h"

#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/random_requests.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawRequest;
using ::lossd::testing::RandomRequest;
using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

class BatchCounter final : public BackendObserver {
 public:
  void OnBatch(int requests) override { largest_ = std::max(largest_.load(), requests); }
  int largest() const { return largest_; }

 private:
  std::atomic<int> largest_ = 0;
};

std::unique_ptr<LossBackend> MakeBackend(int threads, BackendObserver* observer = nullptr) {
  TileBackendOptions options;
  options.scheduler.threads = threads;
  options.observer = observer;
  return CreateTileBackend(options).value();
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

TEST(TileBackendTest, EqualRequestsHaveEqualBytesAloneInBatchesAndOnAnyNumberOfThreads) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(20);
  std::vector<RandomRequest> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(DrawRequest(random, pool));
  BatchCounter batches;
  const auto one = MakeBackend(1, &batches);
  const auto two = MakeBackend(2);
  const auto five = MakeBackend(5);
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

TEST(TileBackendTest, EveryTaskIsAnsweredWhenTheBackendDrains) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(21);
  const auto backend = MakeBackend(2);
  std::atomic<int> answered = 0;
  for (int i = 0; i < 50; ++i) {
    ComputeTask task = MakeTask(*backend, DrawRequest(random, pool));
    task.done = [&answered](absl::StatusOr<ComputeResult> result) { answered += result.ok(); };
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
  task.done = [&status](absl::StatusOr<ComputeResult> result) { status = result.status(); };
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
  task.done = [&status](absl::StatusOr<ComputeResult> result) { status = result.status(); };
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
  EXPECT_THAT(names, ::testing::ElementsAre("feature_map_contrastive", "cpc", "nt_xent", "squared_norm"));
}

}  // namespace
}  // namespace lossd
