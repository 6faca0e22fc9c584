// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/reflection_service.h"

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpcpp/impl/codegen/sync_stream.h"
#include "gtest/gtest.h"
#include "server/rpc/small_message.h"
#include "tests/server/running_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::grpc::reflection::v1::ServerReflectionRequest;
using ::grpc::reflection::v1::ServerReflectionResponse;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

ServerReflectionResponse Answer(const ServerReflectionRequest& request) {
  return AnswerReflection(request, {"lossd.v1.LossService"});
}

std::vector<std::string> FileNames(const ServerReflectionResponse& response) {
  std::vector<std::string> names;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    names.push_back(file.name());
  }
  return names;
}

TEST(AnswerReflectionTest, FilesComeWithAllTheyImport) {
  ServerReflectionRequest request;
  request.set_file_containing_symbol("lossd.v1.LossService.Compute");
  EXPECT_THAT(FileNames(Answer(request)),
              IsSupersetOf({"lossd/v1/loss_service.proto", "lossd/v1/losses.proto", "lossd/v1/tensor.proto",
                            "google/rpc/status.proto", "google/protobuf/any.proto", "google/protobuf/duration.proto"}));
  request.set_file_by_filename("lossd/v1/tensor.proto");
  EXPECT_THAT(FileNames(Answer(request)), ElementsAre("lossd/v1/tensor.proto"));
}

TEST(AnswerReflectionTest, HealthIsDescribedToo) {
  ServerReflectionRequest request;
  request.set_file_containing_symbol("grpc.health.v1.Health");
  EXPECT_THAT(FileNames(Answer(request)), ElementsAre("grpc/health/v1/health.proto"));
}

TEST(AnswerReflectionTest, WhatIsNotThereIsNotFound) {
  ServerReflectionRequest request;
  const auto code = [&] { return Answer(request).error_response().error_code(); };
  request.set_file_containing_symbol("no.such.Symbol");
  EXPECT_EQ(code(), grpc::StatusCode::NOT_FOUND);
  request.set_file_by_filename("none.proto");
  EXPECT_EQ(code(), grpc::StatusCode::NOT_FOUND);
  request.set_all_extension_numbers_of_type("no.such.Type");
  EXPECT_EQ(code(), grpc::StatusCode::NOT_FOUND);
  request.mutable_file_containing_extension()->set_containing_type("lossd.v1.Tensor");
  EXPECT_EQ(code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Answer({}).error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(AnswerReflectionTest, TypeWithoutExtensionsHasNone) {
  ServerReflectionRequest request;
  request.set_all_extension_numbers_of_type("lossd.v1.Tensor");
  const auto response = Answer(request).all_extension_numbers_response();
  EXPECT_EQ(response.base_type_name(), "lossd.v1.Tensor");
  EXPECT_EQ(response.extension_number_size(), 0);
}

struct Port {
  bool admin;
  const char* version;
};

class ReflectionServiceTest : public ::testing::TestWithParam<Port> {};

TEST_P(ReflectionServiceTest, AnswersQuestionAfterQuestion) {
  RunningServer server;
  const ServerAddresses& addresses = server.server().addresses();
  const auto channel = MakeChannel(GetParam().admin ? addresses.admin_listen[0] : addresses.listen[0]);
  const std::string path =
      std::string("/grpc.reflection.") + GetParam().version + ".ServerReflection/ServerReflectionInfo";
  const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  grpc::ClientContext context;
  const std::unique_ptr<grpc::ClientReaderWriter<ServerReflectionRequest, ServerReflectionResponse>> stream(
      grpc::internal::ClientReaderWriterFactory<ServerReflectionRequest, ServerReflectionResponse>::Create(
          channel.get(), method, &context));
  ServerReflectionRequest request;
  request.set_list_services("");
  ServerReflectionResponse response;
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_EQ(std::count(names.begin(), names.end(), "lossd.v1.LossService"), GetParam().admin ? 0 : 1);
  EXPECT_THAT(names, Contains(std::string("grpc.reflection.") + GetParam().version + ".ServerReflection"));
  EXPECT_EQ(std::count(names.begin(), names.end(), "grpc.channelz.v1.Channelz"), GetParam().admin ? 1 : 0);
  request.set_file_containing_symbol("lossd.v1.LossService");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(FileNames(response), Contains("lossd/v1/loss_service.proto"));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_P(ReflectionServiceTest, RefusesQuestionsThatAreTooLargeOrMalformed) {
  RunningServer server;
  const ServerAddresses& addresses = server.server().addresses();
  const auto channel = MakeChannel(GetParam().admin ? addresses.admin_listen[0] : addresses.listen[0]);
  const std::string path =
      std::string("/grpc.reflection.") + GetParam().version + ".ServerReflection/ServerReflectionInfo";
  RawCall large(channel, path);
  large.Write(std::string(kMaxSmallMessageBytes + 1, 'x'));
  EXPECT_EQ(large.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  RawCall malformed(channel, path);
  malformed.Write("\xff\xff");
  EXPECT_EQ(malformed.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

INSTANTIATE_TEST_SUITE_P(Versions, ReflectionServiceTest,
                         ::testing::Values(Port{false, "v1"}, Port{false, "v1alpha"}, Port{true, "v1"},
                                           Port{true, "v1alpha"}),
                         [](const auto& test) {
                           return std::string(test.param.admin ? "Admin" : "Serving") + test.param.version;
                         });

}  // namespace
}  // namespace lossd::testing
