// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/compute_pipeline.h"

#include <algorithm>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "core/status/errors.h"
#include "core/tile_backend.h"
#include "gmock/gmock.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/held_backend.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

MessageSlices SlicesOf(const v1::ComputeRequest& request) { return {grpc::Slice(request.SerializeAsString())}; }

v1::ComputeResponse Parsed(const MessageSlices& slices) {
  grpc::Slice slice;
  v1::ComputeResponse response;
  EXPECT_TRUE(ToByteBuffer(slices).DumpToSingleSlice(&slice).ok());
  EXPECT_TRUE(response.ParseFromArray(slice.begin(), static_cast<int>(slice.size())));
  return response;
}

// A backend whose Prepare throws.
class ThrowingBackend final : public LossBackend {
 public:
  explicit ThrowingBackend(bool memory) : memory_(memory) {}
  absl::StatusOr<std::shared_ptr<const Plan>> Prepare(ComputeSpec) const override {
    if (memory_) throw std::bad_alloc();
    throw std::runtime_error("oops");
  }
  void Submit(ComputeTask) override {}
  BufferPool& pool() override { return pool_; }
  std::vector<LossDescription> Losses() const override { return {}; }
  std::vector<DeviceDescription> Devices() const override { return {}; }
  QueueDepth queue_depth() const override { return {}; }
  void Drain() override {}

 private:
  const bool memory_;
  BufferPool pool_{0};
};

class ComputePipelineTest : public ::testing::Test {
 protected:
  ComputeMessage MakeMessage(const v1::ComputeRequest& request = MakeRequest()) {
    ComputeMessage message;
    message.bytes = ReceivedMessage(SlicesOf(request));
    message.record = std::make_unique<CallRecord>();
    message.arrival = message.record->arrival = clock_.TimeNow();
    message.cancellation = std::make_shared<Cancellation>();
    message.reservation = *admission_.Reserve(0);
    return message;
  }
  ComputePipeline::AnswerCallback Keep() {
    return [this](ComputeAnswer answer) {
      EXPECT_FALSE(answer_.has_value());
      answer_ = std::move(answer);
    };
  }

  SimulatedClock clock_;
  Admission admission_{1 << 20, 100};
  HeldBackend backend_;
  Metrics metrics_;
  Backlog backlog_{{}};
  ComputePipeline pipeline_{backend_, metrics_, backlog_, clock_, {.max_message_bytes = 1 << 20}};
  std::optional<ComputeAnswer> answer_;
};

TEST_F(ComputePipelineTest, AnswerHoldsTheResponseTheRecordAndTheReservation) {
  pipeline_.Start(MakeMessage(), Keep());
  ASSERT_TRUE(answer_.has_value());
  ASSERT_OK(answer_->record->status);
  EXPECT_EQ(Parsed(answer_->slices).objective(), 7);
  EXPECT_EQ(answer_->record->request_id, "id");
  EXPECT_EQ(answer_->record->loss, 3);
  EXPECT_EQ(answer_->record->inputs, 1);
  EXPECT_EQ(answer_->record->response_bytes, static_cast<int64_t>(ToByteBuffer(answer_->slices).Length()));
  EXPECT_TRUE(answer_->record->accepted);
  EXPECT_GE(answer_->reservation.bytes(), 24);  // Input and gradient.
  EXPECT_EQ(admission_.inflight_bytes(), answer_->reservation.bytes());
  answer_.reset();
  EXPECT_EQ(admission_.inflight_bytes(), 0);
}

TEST_F(ComputePipelineTest, RequestIdIsToldBeforeAnythingOfSizeAndMayEndIt) {
  ComputeMessage message = MakeMessage();
  std::string told;
  message.on_request_id = [&told](const std::string& request_id) {
    told = request_id;
    return InvalidField("request_id", "expected another");
  };
  pipeline_.Start(std::move(message), Keep());
  EXPECT_EQ(told, "id");
  EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected another")));
  EXPECT_FALSE(answer_->record->accepted);
  EXPECT_EQ(backend_.pool().live_bytes(), 0);
}

TEST_F(ComputePipelineTest, MalformedMessageHasNoIdWhateverCanBeReadOfIt) {
  const std::string bytes = MakeRequest().SerializeAsString();
  for (const char* end : {"\xff", "\x0f", "\x7a\x01\xff", "\x12\x01\xff", "\x12\x04\x0a\x02\x0a\xff"}) {
    answer_.reset();
    ComputeMessage message = MakeMessage();
    message.bytes = ReceivedMessage(MessageSlices{grpc::Slice(bytes + end)});
    message.on_request_id = [](const std::string& request_id) {
      ADD_FAILURE() << request_id;
      return absl::OkStatus();
    };
    pipeline_.Start(std::move(message), Keep());
    ASSERT_TRUE(answer_.has_value());
    EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("malformed")));
    EXPECT_EQ(answer_->record->request_id, "");
  }
}

TEST_F(ComputePipelineTest, FormSeenTwiceIsNotPlannedAgain) {
  for (int i = 1; i <= 5; ++i) {
    answer_.reset();
    pipeline_.Start(MakeMessage(MakeRequest({static_cast<float>(i), 0, 0}, absl::StrCat("id ", i))), Keep());
    ASSERT_TRUE(answer_.has_value());
    ASSERT_OK(answer_->record->status);
    EXPECT_EQ(Parsed(answer_->slices).objective(), 0.5 * i * i);
    EXPECT_EQ(Parsed(answer_->slices).request_id(), absl::StrCat("id ", i));
    EXPECT_EQ(answer_->record->request_id, absl::StrCat("id ", i));
    EXPECT_EQ(answer_->record->loss, 3);
    EXPECT_EQ(answer_->record->inputs, 1);
    EXPECT_EQ(backend_.prepared(), std::min(i, 2));
  }
}

TEST_F(ComputePipelineTest, WhatAKnownFormAsksForHoldsEachTime) {
  v1::ComputeRequest request = MakeRequest();
  request.mutable_options()->set_timing(true);
  request.mutable_options()->mutable_timeout()->set_seconds(2);
  backend_.Hold();
  for (int i = 0; i < 4; ++i) {
    answer_.reset();
    ComputeMessage message = MakeMessage(request);
    message.arrival = clock_.TimeNow() - absl::Seconds(i % 2 == 0 ? 1 : 3);
    pipeline_.Start(std::move(message), Keep());
    if (i % 2 == 0) backend_.ReleaseOne();
    ASSERT_TRUE(answer_.has_value());
    if (i % 2 == 0) {
      ASSERT_OK(answer_->record->status);
      EXPECT_TRUE(Parsed(answer_->slices).has_timing());
    } else {
      EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kDeadlineExceeded));
    }
  }
  EXPECT_EQ(backend_.prepared(), 2);
}

TEST_F(ComputePipelineTest, RequestOfAKnownFormMayStillBeEndedByItsId) {
  for (int i = 0; i < 3; ++i) pipeline_.Start(MakeMessage(), [](ComputeAnswer) {});
  ASSERT_EQ(backend_.prepared(), 2);
  ComputeMessage message = MakeMessage();
  message.on_request_id = [](const std::string& request_id) { return InvalidField("request_id", request_id); };
  pipeline_.Start(std::move(message), Keep());
  EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("id")));
  EXPECT_FALSE(answer_->record->accepted);
}

TEST_F(ComputePipelineTest, ExceptionsBecomeStatuses) {
  for (const bool memory : {true, false}) {
    answer_.reset();
    ThrowingBackend backend(memory);
    ComputePipeline pipeline(backend, metrics_, backlog_, clock_, {.max_message_bytes = 1 << 20});
    pipeline.Start(MakeMessage(), Keep());
    ASSERT_TRUE(answer_.has_value());
    EXPECT_THAT(answer_->record->status,
                StatusIs(memory ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal));
  }
}

TEST_F(ComputePipelineTest, CancellationAtTheDeadlineIsTheDeadlines) {
  backend_.Hold();
  for (const absl::Duration early : {absl::Milliseconds(5), absl::Seconds(1)}) {
    answer_.reset();
    ComputeMessage message = MakeMessage();
    const auto cancellation = message.cancellation;
    message.deadline = clock_.TimeNow() + absl::Seconds(2);
    pipeline_.Start(std::move(message), Keep());
    clock_.AdvanceTime(absl::Seconds(2) - early);
    cancellation->Cancel();
    ASSERT_TRUE(answer_.has_value());
    const bool expired = early < absl::Milliseconds(10);
    EXPECT_THAT(answer_->record->status,
                StatusIs(expired ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled,
                         expired ? "deadline exceeded in the queue" : "cancelled in the queue"));
  }
}

TEST_F(ComputePipelineTest, ResultThatComesTooLateIsNotSent) {
  backend_.Hold();
  v1::ComputeRequest request = MakeRequest();
  request.mutable_options()->mutable_timeout()->set_seconds(1);
  for (const absl::Duration late : {absl::ZeroDuration(), absl::Milliseconds(1)}) {
    answer_.reset();
    pipeline_.Start(MakeMessage(request), Keep());
    clock_.AdvanceTime(absl::Seconds(1) + late);
    backend_.ReleaseOne();
    ASSERT_TRUE(answer_.has_value());
    if (late == absl::ZeroDuration()) {
      EXPECT_OK(answer_->record->status);
    } else {
      EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("in the queue")));
      EXPECT_TRUE(answer_->slices.empty());
    }
  }
}

TEST_F(ComputePipelineTest, CancelledMessageIsNeitherDecodedNorCopiedIn) {
  ComputeMessage message = MakeMessage();
  message.cancellation->Cancel();
  pipeline_.Start(std::move(message), Keep());
  ASSERT_TRUE(answer_.has_value());
  EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kCancelled, HasSubstr("before the computation")));
  EXPECT_FALSE(answer_->record->accepted);
  EXPECT_EQ(backend_.prepared(), 0);
}

TEST_F(ComputePipelineTest, MessageThatIsCancelledWhileItIsDecodedIsNotCopiedIn) {
  ComputeMessage message = MakeMessage();
  message.on_request_id = [cancellation = message.cancellation](const std::string&) {
    cancellation->Cancel();
    return absl::OkStatus();
  };
  pipeline_.Start(std::move(message), Keep());
  ASSERT_TRUE(answer_.has_value());
  EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kCancelled, HasSubstr("before the computation")));
  EXPECT_FALSE(answer_->record->accepted);
  EXPECT_LT(answer_->reservation.bytes(), 100);  // Those of the message, not of a computation.
}

TEST_F(ComputePipelineTest, RefusedMessageThatIsCancelledStaysRefused) {
  ComputeMessage message = MakeMessage();
  message.cancellation->Cancel();
  message.refusal = absl::UnavailableError("draining");
  pipeline_.Start(std::move(message), Keep());
  EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ComputePipelineTest, RequestThatIsTooLateIsNotComputed) {
  ComputeMessage message = MakeMessage();
  message.deadline = clock_.TimeNow();
  pipeline_.Start(std::move(message), Keep());
  EXPECT_THAT(answer_->record->status, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("after arrival")));
  EXPECT_FALSE(answer_->record->accepted);
}

TEST_F(ComputePipelineTest, OutputsCountBeforeTheyAreComputed) {
  ASSERT_OK_AND_ASSIGN(const auto backend, CreateTileBackend({}));
  ComputePipeline pipeline(*backend, metrics_, backlog_, clock_, {.max_message_bytes = 1024});
  v1::ComputeRequest request;
  request.mutable_loss()->mutable_feature_map_contrastive()->set_comparisons(
      absl::StrJoin(std::vector<std::string>(200, "00"), ","));
  request.mutable_gradients()->set_mode(v1::GradientOptions::MODE_NONE);
  for (const char* name : {"anchor.0", "positive.0"}) {
    v1::Tensor* input = request.add_inputs();
    input->set_name(name);
    input->set_dtype(v1::DTYPE_FLOAT32);
    for (int i = 0; i < 4; ++i) input->add_shape(1);
    input->set_data(std::string(4, '\0'));
  }
  pipeline.Start(MakeMessage(request), Keep());
  ASSERT_TRUE(answer_.has_value());  // At once: nothing was left to a worker.
  EXPECT_THAT(answer_->record->status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("expected a response of at most 1024 bytes")));
  EXPECT_FALSE(answer_->record->accepted);
}

// Where a message is decoded, and where it is answered.
struct Threads {
  std::thread::id decoded;
  std::thread::id answered;
};

Threads ThreadsOf(ComputePipeline& pipeline, ComputeMessage message) {
  Threads threads;
  absl::Notification answered;
  message.on_request_id = [&threads](const std::string&) {
    threads.decoded = std::this_thread::get_id();
    return absl::OkStatus();
  };
  pipeline.Start(std::move(message), [&](ComputeAnswer) {
    threads.answered = std::this_thread::get_id();
    answered.Notify();
  });
  answered.WaitForNotification();
  return threads;
}

TEST_F(ComputePipelineTest, MuchToParseHoldsUpNobodyElse) {
  const auto is_long = [this](const std::string& oddity, int times) {
    std::string bytes = MakeRequest().SerializeAsString();
    for (int i = 0; i < times; ++i) bytes += oddity;
    ComputeMessage message = MakeMessage();
    message.bytes = ReceivedMessage(MessageSlices{grpc::Slice(bytes)});
    return message;
  };
  const std::thread::id here = std::this_thread::get_id();
  EXPECT_EQ(ThreadsOf(pipeline_, is_long("", 0)).decoded, here);
  EXPECT_EQ(ThreadsOf(pipeline_, is_long(std::string("\x32\x00", 2), 30'000)).decoded, here);
  for (const std::string& oddity : {std::string("\x32\x00", 2), std::string("\x3b\x3c", 2)}) {  // Options; a group.
    EXPECT_NE(ThreadsOf(pipeline_, is_long(oddity, 40'000)).decoded, here);
    ComputeMessage refused = is_long(oddity, 40'000);
    refused.refusal = absl::UnavailableError("draining");
    EXPECT_NE(ThreadsOf(pipeline_, std::move(refused)).answered, here);
  }
  v1::ComputeRequest in_input = MakeRequest();
  v1::Tensor* const input = in_input.mutable_inputs(0);
  for (int i = 0; i < 40'000; ++i) input->GetReflection()->MutableUnknownFields(input)->AddVarint(7, 0);
  EXPECT_NE(ThreadsOf(pipeline_, MakeMessage(in_input)).decoded, here);
}

TEST_F(ComputePipelineTest, MuchToCopyIsDecodedAtOnceAndCopiedBesides) {
  Admission admission(64 << 20, 100);
  ComputePipeline pipeline(backend_, metrics_, backlog_, clock_, {.max_message_bytes = 64 << 20});
  ComputeMessage message = MakeMessage(MakeRequest(std::vector<float>(ComputePipeline::kMaxBytesAtOnce / 4)));
  message.reservation = *admission.Reserve(0);
  const Threads threads = ThreadsOf(pipeline, std::move(message));
  EXPECT_EQ(threads.decoded, std::this_thread::get_id());
  EXPECT_NE(threads.answered, std::this_thread::get_id());
}

TEST_F(ComputePipelineTest, LargeGradientsAreTheBuffersTheyWereComputedIn) {
  pipeline_.Start(MakeMessage(MakeRequest(std::vector<float>(65'536, 1))), Keep());
  ASSERT_OK(answer_->record->status);
  const size_t with_answer = backend_.pool().live_bytes();
  EXPECT_GE(with_answer, 65'536 * sizeof(float));
  answer_.reset();
  EXPECT_EQ(backend_.pool().live_bytes(), 0);
}

TEST(ErrorResponseTest, IsAResponseWithIdAndStatus) {
  CallRecord record;
  record.request_id = "id";
  record.status = InvalidField("loss", "expected one");
  const v1::ComputeResponse response = Parsed({ErrorResponse(record)});
  EXPECT_EQ(response.request_id(), "id");
  EXPECT_EQ(response.status().code(), 3);
  EXPECT_EQ(response.status().message(), "loss: expected one");
}

}  // namespace
}  // namespace lossd::testing
