// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/compute_call.h"

#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"
#include "tests/support/simulated_clock.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

MATCHER_P2(Fails, code, text, "fails with this code and a text like that") {
  *result_listener << arg.error_code() << " " << arg.error_message();
  return arg.error_code() == code && ::testing::Matches(text)(arg.error_message());
}

std::string FirstViolation(const grpc::Status& status) {
  google::rpc::BadRequest details;
  const auto rpc_status = DetailsOf(status);
  if (rpc_status.details_size() == 0 || !rpc_status.details(0).UnpackTo(&details)) return "";
  return details.field_violations(0).field();
}

TEST(ComputeCallTest, AnswersWithObjectiveOutputsGradientsAndTheRequestId) {
  RunningServer server;
  v1::ComputeResponse response;
  ASSERT_TRUE(server.Call(MakeRequest({1, 2, 3}, "call-1"), &response).ok());
  EXPECT_EQ(response.request_id(), "call-1");
  EXPECT_EQ(response.objective(), 7);
  ASSERT_EQ(response.outputs_size(), 1);
  EXPECT_EQ(response.outputs(0).name(), "loss");
  ASSERT_EQ(response.gradients_size(), 1);
  EXPECT_EQ(response.gradients(0).name(), "x.0");
  EXPECT_EQ(response.gradients(0).data(), MakeRequest({1, 2, 3}).inputs(0).data());
  EXPECT_FALSE(response.has_timing());
  EXPECT_FALSE(response.has_status());
}

TEST(ComputeCallTest, TimingComesWhereItIsAskedFor) {
  RunningServer server;
  v1::ComputeRequest request = MakeRequest();
  request.mutable_options()->set_timing(true);
  v1::ComputeResponse response;
  ASSERT_TRUE(server.Call(request, &response).ok());
  ASSERT_TRUE(response.has_timing());
  EXPECT_EQ(response.timing().batch_requests(), 1);
  EXPECT_GT(response.timing().decode().nanos(), 0);
}

TEST(ComputeCallTest, LargeTensorsTravelBothWaysWithOneCopyInAndNoneOut) {
  RunningServer server;
  std::vector<float> values(1 << 20);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 100);
  const v1::ComputeRequest request = MakeRequest(values);
  v1::ComputeResponse response;
  ASSERT_TRUE(server.Call(request, &response).ok());
  EXPECT_EQ(response.gradients(0).data(), request.inputs(0).data());
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_payload_copies_total{direction=\"in\"}"), 1);
  EXPECT_EQ(server.Metric("lossd_payload_copies_total{direction=\"out\"}"), 1);  // The scalar output.
}

TEST(ComputeCallTest, HalfInputsAreWidenedAndTheirGradientsRoundedBack) {
  RunningServer server;
  v1::ComputeRequest request = MakeRequest();
  request.mutable_inputs(0)->set_dtype(v1::DTYPE_BFLOAT16);
  request.mutable_inputs(0)->set_shape(0, 2);
  request.mutable_inputs(0)->set_data(std::string("\x80\x3f\x00\x40", 4));  // 1, 2.
  v1::ComputeResponse response;
  ASSERT_TRUE(server.Call(request, &response).ok());
  EXPECT_EQ(response.objective(), 2.5);
  EXPECT_EQ(response.gradients(0).dtype(), v1::DTYPE_BFLOAT16);
  EXPECT_EQ(response.gradients(0).data(), request.inputs(0).data());
}

TEST(ComputeCallTest, NonfiniteValuesAreNamedAndCountedWhereTheyAre) {
  RunningServer server;
  v1::ComputeResponse response;
  ASSERT_TRUE(server.Call(MakeRequest({1, NAN}), &response).ok());
  EXPECT_THAT(std::vector<std::string>(response.nonfinite().begin(), response.nonfinite().end()),
              ::testing::ElementsAre("x.0", "loss", "x.0"));
  server.Stop();
  for (const char* where : {"input", "output", "gradient"}) {
    EXPECT_EQ(server.Metric(std::string("lossd_nonfinite_total{loss=\"squared_norm\",where=\"") + where + "\"}"), 1);
  }
}

struct BadCall {
  const char* name;
  std::string field;
  std::string text;
  std::function<void(v1::ComputeRequest&)> spoil;
};

class BadCallTest : public ::testing::TestWithParam<BadCall> {};

TEST_P(BadCallTest, IsRefusedNamingFieldExpectationAndValueAndTheNextCallIsFine) {
  RunningServer server;
  v1::ComputeRequest request = MakeRequest();
  GetParam().spoil(request);
  const grpc::Status status = server.Call(request);
  EXPECT_THAT(status, Fails(grpc::StatusCode::INVALID_ARGUMENT,
                            AllOf(HasSubstr(GetParam().field + ": "), HasSubstr(GetParam().text))));
  EXPECT_EQ(FirstViolation(status), GetParam().field);
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadCallTest,
    ::testing::Values(
        BadCall{"NoLoss", "loss", "got none", [](auto& request) { request.clear_loss(); }},
        BadCall{"Dtype", "inputs[x.0].dtype", "99",
                [](auto& request) { request.mutable_inputs(0)->set_dtype(static_cast<v1::Dtype>(99)); }},
        BadCall{"ShapeOverflow", "inputs[x.0].shape", "without zeros, is below 2^63 bytes",
                [](auto& request) {
                  for (int i = 0; i < 4; ++i) request.mutable_inputs(0)->add_shape(int64_t{1} << 40);
                }},
        BadCall{"NegativeExtent", "inputs[x.0].shape", "-3",
                [](auto& request) { request.mutable_inputs(0)->set_shape(0, -3); }},
        BadCall{"PayloadLength", "inputs[x.0].data", "expected 12 bytes for FLOAT32 [3], got 5",
                [](auto& request) { request.mutable_inputs(0)->set_data("12345"); }},
        BadCall{"Duplicate", "inputs[1].name", "expected distinct names, got \"x.0\" as in inputs[0]",
                [](auto& request) { *request.add_inputs() = request.inputs(0); }},
        BadCall{"UnknownInput", "inputs[y]", "expected x.0",
                [](auto& request) { request.mutable_inputs(0)->set_name("y"); }},
        BadCall{"Gap", "inputs[x.0]", "missing", [](auto& request) { request.mutable_inputs(0)->set_name("x.1"); }},
        BadCall{"GradientDtype", "gradients.dtype", "INT32",
                [](auto& request) { request.mutable_gradients()->set_dtype(v1::DTYPE_INT32); }},
        BadCall{"GradientScale", "gradients.scale", "inf",
                [](auto& request) { request.mutable_gradients()->set_scale(std::numeric_limits<double>::infinity()); }},
        BadCall{"GradientLayout", "gradients.layout", "LAYOUT_FACTORED",
                [](auto& request) { request.mutable_gradients()->set_layout(v1::GradientOptions::LAYOUT_FACTORED); }},
        BadCall{"GradientNames", "gradients.names", "\"nope\"",
                [](auto& request) {
                  request.mutable_gradients()->set_mode(v1::GradientOptions::MODE_NAMED);
                  request.mutable_gradients()->add_names("nope");
                }},
        BadCall{"Timeout", "options.timeout", "positive",
                [](auto& request) { request.mutable_options()->mutable_timeout()->set_seconds(-1); }},
        BadCall{"LongRequestId", "request_id", "257",
                [](auto& request) { request.set_request_id(std::string(257, 'x')); }}),
    [](const auto& test) { return test.param.name; });

TEST(ComputeCallTest, NonfiniteInputsAreRefusedWhereThePolicyRejects) {
  RunningServer server;
  v1::ComputeRequest request = MakeRequest({1, INFINITY});
  request.mutable_options()->set_nonfinite_policy(v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  EXPECT_THAT(server.Call(request), Fails(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("x.0")));
  request = MakeRequest({3e38f, 3e38f});
  request.mutable_options()->set_nonfinite_policy(v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  EXPECT_THAT(server.Call(request), Fails(grpc::StatusCode::OUT_OF_RANGE, HasSubstr("loss")));
}

TEST(ComputeCallTest, MalformedBytesAreInvalidAndSayWhere) {
  RunningServer server;
  EXPECT_THAT(ComputeWithBytes(server.channel(), "\xff\xff\xff"),
              Fails(grpc::StatusCode::INVALID_ARGUMENT, AllOf(HasSubstr("malformed"), HasSubstr("byte"))));
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
}

TEST(ComputeCallTest, UnknownLossIsUnimplementedAndListsTheLosses) {
  RunningServer server;
  // LossSpec with field 111.
  EXPECT_THAT(ComputeWithBytes(server.channel(), std::string("\x12\x03\xfa\x06\x00", 5)),
              Fails(grpc::StatusCode::UNIMPLEMENTED, AllOf(HasSubstr("nt_xent"), HasSubstr("111"))));
}

TEST(ComputeCallTest, CompressedMessagesAreUnimplemented) {
  RunningServer server;
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::ComputeResponse response;
  EXPECT_THAT(server.stub().Compute(&context, MakeRequest(std::vector<float>(10000)), &response),
              Fails(grpc::StatusCode::UNIMPLEMENTED, HasSubstr("gzip")));
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
}

TEST(ComputeCallTest, OversizeRequestIsRefusedNamingLimitValueAndFlag) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 4096;
  RunningServer server(options);
  const grpc::Status status = server.Call(MakeRequest(std::vector<float>(2000)));
  EXPECT_THAT(status,
              Fails(grpc::StatusCode::RESOURCE_EXHAUSTED,
                    AllOf(HasSubstr("at most 4096 bytes"), HasSubstr("got 80"), HasSubstr("--max_message_bytes"))));
  google::rpc::QuotaFailure quota;
  ASSERT_EQ(DetailsOf(status).details_size(), 1);  // No RetryInfo: it would not help.
  ASSERT_TRUE(DetailsOf(status).details(0).UnpackTo(&quota));
  EXPECT_EQ(quota.violations(0).subject(), "--max_message_bytes");
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_rejected_total{reason=\"message_bytes\"}"), 1);
}

TEST(ComputeCallTest, OversizeResponseIsRefusedBeforeItIsComputed) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 4096;
  RunningServer server(options);
  v1::ComputeRequest request = MakeRequest(std::vector<float>(900));
  request.mutable_gradients()->set_dtype(v1::DTYPE_FLOAT64);
  server.backend().Hold();  // A computation would wait for ever.
  EXPECT_THAT(server.Call(request),
              Fails(grpc::StatusCode::RESOURCE_EXHAUSTED,
                    AllOf(HasSubstr("response of at most 4096 bytes, got 7204"), HasSubstr("--max_message_bytes"))));
}

TEST(ComputeCallTest, CallsBeyondTheirNumberAreRefusedWithPushback) {
  ServerOptions options = TestOptions();
  options.max_concurrent_calls = 1;
  RunningServer server(options);
  server.backend().Hold();
  PendingCall first(server, MakeRequest());
  server.backend().AwaitHeld(1);
  grpc::ClientContext context;
  v1::ComputeResponse response;
  const grpc::Status status = server.stub().Compute(&context, MakeRequest(), &response);
  EXPECT_THAT(status,
              Fails(grpc::StatusCode::RESOURCE_EXHAUSTED, AllOf(HasSubstr("--max_concurrent_calls"), HasSubstr("1"))));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1);
  server.backend().Release();
  EXPECT_TRUE(first.Await().ok());
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_rejected_total{reason=\"concurrency\"}"), 1);
}

TEST(ComputeCallTest, CallThatWouldWaitInVainIsRefusedBeforeItsMessageIsRead) {
  SimulatedClock clock;
  ServerOptions options = TestOptions();
  options.default_deadline = absl::Milliseconds(300);
  RunningServer server(options, clock);
  server.backend().Hold();
  std::deque<PendingCall> calls;
  for (int i = 0; i < 48; ++i) calls.emplace_back(server, MakeRequest());
  server.backend().AwaitHeld(48);
  for (int i = 0; i < 32; ++i) {  // The last ones are late, so that half of their time is all that others may wait.
    clock.AdvanceTime(absl::Milliseconds(10));
    server.backend().ReleaseOne();
  }
  RawCall call(server.channel(), "Compute");  // Sends nothing.
  const grpc::Status status = call.End();
  EXPECT_THAT(status, Fails(grpc::StatusCode::RESOURCE_EXHAUSTED,
                            AllOf(HasSubstr("at most 150ms with a deadline in 300ms"), HasSubstr("about 160ms"))));
  EXPECT_EQ(DetailsOf(status).details_size(), 2);  // QuotaFailure and RetryInfo.
  server.backend().Release();
  int in_time = 0;
  for (PendingCall& waiting : calls) in_time += waiting.Await().ok() ? 1 : 0;
  EXPECT_EQ(in_time, 30);
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_rejected_total{reason=\"queue\"}"), 1);
}

TEST(ComputeCallTest, BytesBeyondTheBudgetAreRefused) {
  ServerOptions options = TestOptions();
  options.max_inflight_bytes = 1 << 20;
  RunningServer server(options);
  const grpc::Status never = server.Call(MakeRequest(std::vector<float>(300'000)));
  EXPECT_THAT(never, Fails(grpc::StatusCode::RESOURCE_EXHAUSTED, HasSubstr("--max_inflight_bytes")));
  EXPECT_EQ(DetailsOf(never).details_size(), 1);  // No RetryInfo: it would not help.
  server.backend().Hold();
  PendingCall large(server, MakeRequest(std::vector<float>(100'000)));
  server.backend().AwaitHeld(1);
  const grpc::Status later = server.Call(MakeRequest(std::vector<float>(100'000)));
  EXPECT_THAT(later, Fails(grpc::StatusCode::RESOURCE_EXHAUSTED, HasSubstr("--max_inflight_bytes")));
  EXPECT_EQ(DetailsOf(later).details_size(), 2);
  server.backend().Release();
  EXPECT_TRUE(large.Await().ok());
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
}

TEST(ComputeCallTest, CancelledCallLeavesTheQueueAndIsCounted) {
  RunningServer server;
  server.backend().Hold();
  PendingCall call(server, MakeRequest());
  server.backend().AwaitHeld(1);
  call.context().TryCancel();
  server.backend().AwaitHeld(0);
  EXPECT_EQ(call.Await().error_code(), grpc::StatusCode::CANCELLED);
  server.backend().Release();
  EXPECT_TRUE(server.Call(MakeRequest()).ok());
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_dropped_total{reason=\"cancelled\"}"), 1);
  EXPECT_FALSE(server.HasMetric("lossd_inflight_bytes"));  // The gauge goes with the server.
}

TEST(ComputeCallTest, DeadlineThatPassesInTheQueueTakesTheCallOut) {
  RunningServer server;
  server.backend().Hold();
  v1::ComputeRequest request = MakeRequest();
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(RealClock().TimeNow() + absl::Milliseconds(100)));
  v1::ComputeResponse response;
  EXPECT_EQ(server.stub().Compute(&context, request, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  server.backend().AwaitHeld(0);
  server.Stop();
  // On a busy machine the client's cancellation may come well before the server's own clock reaches the deadline.
  EXPECT_EQ(server.Metric("lossd_dropped_total{reason=\"expired\"}") +
                server.Metric("lossd_dropped_total{reason=\"cancelled\"}"),
            1);
}

TEST(ComputeCallTest, DeadlineThatPassesBeforeTheMessageIsThereIsCountedAsOne) {
  RunningServer server;
  RawCall call(server.channel(), "Compute", /*compressed=*/false, std::chrono::milliseconds(300));
  EXPECT_EQ(call.End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  server.Stop();
  EXPECT_EQ(server.Metric("grpc_server_handled_total{grpc_code=\"DEADLINE_EXCEEDED\",grpc_method=\"Compute\","
                          "grpc_service=\"lossd.v1.LossService\",grpc_type=\"unary\"}"),
            1);
}

// The largest duration of Go's.
TEST(ComputeCallTest, DeadlineInCenturiesIsNone) {
  RunningServer server;
  grpc::ClientContext context;
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_hours(2562047, GPR_TIMESPAN)));
  v1::ComputeResponse response;
  const grpc::Status status = server.stub().Compute(&context, MakeRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST(ComputeCallTest, TimeoutOfTheRequestThatIsOverIsDeadlineExceeded) {
  RunningServer server;
  v1::ComputeRequest request = MakeRequest();
  request.mutable_options()->mutable_timeout()->set_nanos(1);
  EXPECT_THAT(server.Call(request), Fails(grpc::StatusCode::DEADLINE_EXCEEDED, HasSubstr("after arrival")));
}

TEST(ComputeCallTest, InternalErrorCarriesTheRequestIdAndIsLogged) {
  RunningServer server;
  server.backend().Hold();
  PendingCall call(server, MakeRequest({1}, "call-9"));
  server.backend().AwaitHeld(1);
  server.backend().Fail(absl::InternalError("a bug"));
  const grpc::Status status = call.Await();
  EXPECT_THAT(status, Fails(grpc::StatusCode::INTERNAL, HasSubstr("a bug")));
  google::rpc::ErrorInfo details;
  ASSERT_TRUE(DetailsOf(status).details(0).UnpackTo(&details));
  EXPECT_EQ(details.metadata().at("request_id"), "call-9");
  EXPECT_THAT(server.StopAndGetLog(), AllOf(HasSubstr("\"level\":\"error\""), HasSubstr("call-9")));
}

TEST(ComputeCallTest, CallWithoutAMessageIsInvalid) {
  RunningServer server;
  RawCall call(server.channel(), "Compute");
  call.HalfClose();
  EXPECT_THAT(call.End(), Fails(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("expected one message")));
}

TEST(ComputeCallTest, AccessLogHasOneLineACallWithoutPayloads) {
  RunningServer server;
  ASSERT_TRUE(server.Call(MakeRequest({1, 2}, "call-3")).ok());
  server.Call(v1::ComputeRequest());
  std::istringstream log(server.StopAndGetLog());
  std::map<std::string, nlohmann::json> lines;  // By code.
  for (std::string line; std::getline(log, line);) {
    const auto fields = nlohmann::json::parse(line);
    EXPECT_TRUE(lines.emplace(fields["code"], fields).second);
  }
  ASSERT_EQ(lines.size(), 2);
  EXPECT_EQ(lines["OK"]["request_id"], "call-3");
  EXPECT_EQ(lines["OK"]["method"], "Compute");
  EXPECT_EQ(lines["OK"]["loss"], "squared_norm");
  EXPECT_GT(lines["OK"]["request_bytes"], 8);
  EXPECT_GT(lines["OK"]["seconds"], 0);
  EXPECT_TRUE(lines["OK"].contains("encode_seconds"));
  EXPECT_THAT(std::string(lines["INVALID_ARGUMENT"]["error"]), HasSubstr("loss: expected"));
}

TEST(ComputeCallTest, EveryCallIsCountedUnderItsCode) {
  RunningServer server;
  server.Call(MakeRequest());
  server.Call(MakeRequest());
  server.Call(v1::ComputeRequest());
  server.Stop();
  const std::string labels = "grpc_method=\"Compute\",grpc_service=\"lossd.v1.LossService\",grpc_type=\"unary\"}";
  EXPECT_EQ(server.Metric("grpc_server_started_total{" + labels), 3);
  EXPECT_EQ(server.Metric("grpc_server_handled_total{grpc_code=\"OK\"," + labels), 2);
  EXPECT_EQ(server.Metric("grpc_server_handled_total{grpc_code=\"INVALID_ARGUMENT\"," + labels), 1);
  EXPECT_EQ(server.Metric("grpc_server_handling_seconds_count{" + labels), 3);
  EXPECT_EQ(server.Metric("lossd_stage_seconds_count{device=\"held\",stage=\"compute\"}"), 2);
  EXPECT_EQ(server.Metric("lossd_loss_value_count{loss=\"squared_norm\"}"), 2);
}

}  // namespace
}  // namespace lossd::testing
