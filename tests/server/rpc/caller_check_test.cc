// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/caller_check.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToken[] = "secret-token";

std::string Handled(const std::string& method, const std::string& type, const std::string& code) {
  return absl::StrCat("grpc_server_handled_total{grpc_code=\"", code, "\",grpc_method=\"", method,
                      "\",grpc_service=\"lossd.v1.LossService\",grpc_type=\"", type, "\"}");
}

class CallerCheckTest : public ::testing::Test {
 protected:
  CallerCheckTest() {
    folder_.Write(folder_.tokens(), absl::StrCat("other\n", kToken, "\n"));
    ServerOptions options = TestOptions();
    options.auth_token_file = folder_.tokens();
    server_ = std::make_unique<RunningServer>(options);
  }

  // How a call without a message ends, with these headers: it must not depend on a message.
  grpc::Status Begin(const std::string& method, const std::vector<std::string>& values) {
    std::vector<std::pair<std::string, std::string>> headers;
    for (const std::string& value : values) headers.emplace_back("authorization", value);
    return RawCall(server_->channel(), method, headers).End();
  }

  const CredentialFolder folder_;
  std::unique_ptr<RunningServer> server_;
};

TEST_F(CallerCheckTest, CallsWithATokenAreAnswered) {
  grpc::ClientContext context;
  context.AddMetadata("authorization", absl::StrCat("Bearer ", kToken));
  v1::ComputeResponse response;
  const grpc::Status unary = server_->stub().Compute(&context, MakeRequest({3, 4}), &response);
  ASSERT_TRUE(unary.ok()) << unary.error_message();
  EXPECT_EQ(response.objective(), 12.5);

  grpc::ClientContext stream_context;
  stream_context.AddMetadata("authorization", "Bearer other");
  const auto stream = server_->stub().ComputeStream(&stream_context);
  ASSERT_TRUE(stream->Write(MakeRequest({3, 4})));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.objective(), 12.5);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());

  grpc::ClientContext info_context;
  info_context.AddMetadata("authorization", absl::StrCat("bearer ", kToken));
  v1::GetServerInfoResponse info;
  EXPECT_TRUE(server_->stub().GetServerInfo(&info_context, {}, &info).ok());
}

TEST_F(CallerCheckTest, EveryMethodIsRefusedBeforeItsMessageIsSentAndCounted) {
  for (const char* method : {"Compute", "ComputeStream", "GetServerInfo"}) {
    const grpc::Status none = Begin(method, {});
    EXPECT_EQ(none.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    EXPECT_THAT(none.error_message(),
                AllOf(HasSubstr("authorization: expected \"Bearer <token>\""), HasSubstr("none")));
    EXPECT_EQ(DetailsOf(none).code(), 16);
    const grpc::Status wrong = Begin(method, {"Bearer shown-token"});
    EXPECT_EQ(wrong.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    EXPECT_THAT(wrong.error_message(), AllOf(HasSubstr("another token"), Not(HasSubstr("-token"))));
    const grpc::Status several = Begin(method, {absl::StrCat("Bearer ", kToken), absl::StrCat("Bearer ", kToken)});
    EXPECT_EQ(several.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    EXPECT_THAT(several.error_message(), HasSubstr("several"));
  }
  server_->Stop();
  EXPECT_EQ(server_->Metric(Handled("Compute", "unary", "UNAUTHENTICATED")), 3);
  EXPECT_EQ(server_->Metric(Handled("ComputeStream", "bidi_stream", "UNAUTHENTICATED")), 3);
  EXPECT_EQ(server_->Metric(Handled("GetServerInfo", "unary", "UNAUTHENTICATED")), 3);
  EXPECT_EQ(server_->Metric("lossd_payload_copies_total{direction=\"in\"}"), 0);
}

TEST_F(CallerCheckTest, HealthNeedsNoTokenOnEitherPort) {
  for (const std::string& address : {server_->address(), server_->server().addresses().admin_listen[0]}) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(grpc::health::v1::Health::NewStub(MakeChannel(address))->Check(&context, {}, &response).ok());
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
}

TEST_F(CallerCheckTest, NoTokenGetsIntoTheLog) {
  Begin("Compute", {"Bearer shown-token"});
  grpc::ClientContext context;
  context.AddMetadata("authorization", absl::StrCat("Bearer ", kToken));
  v1::ComputeResponse response;
  EXPECT_TRUE(server_->stub().Compute(&context, MakeRequest(), &response).ok());
  EXPECT_THAT(server_->StopAndGetLog(),
              AllOf(HasSubstr("\"code\":\"UNAUTHENTICATED\""), HasSubstr("\"code\":\"OK\""), Not(HasSubstr("-token"))));
}

}  // namespace
}  // namespace lossd::testing
