// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/tls_credentials.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "server/rpc/grpc_listener.h"
#include "tests/server/running_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

// What a client trusts, and shows if `shown` has something.
std::shared_ptr<grpc::ChannelCredentials> Trusting(const std::string& roots, const TestCertificate& shown = {}) {
  return grpc::SslCredentials({roots, shown.key, shown.certificate});
}

// How a health check through a connection of its own ends: UNIMPLEMENTED, by a service without handlers, if the
// connection comes about.
grpc::Status Ask(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse response;
  return grpc::health::v1::Health::NewStub(MakeChannel(address, credentials))->Check(&context, {}, &response);
}

bool Connects(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  return Ask(address, credentials).error_code() == grpc::StatusCode::UNIMPLEMENTED;
}

class TlsCredentialsTest : public ::testing::Test {
 protected:
  TlsIdentity IdentityOf(const TestCertificate& certificate, const std::string& client_roots = "") const {
    return {certificate.certificate, certificate.key, client_roots};
  }

  ListeningServer Listen(const std::vector<std::string>& addresses = {"localhost:0"}) {
    grpc::ServerBuilder builder;
    ConfigureConnections(ServerOptions(), builder);
    builder.RegisterService(&service_);
    auto listening = StartListening(builder, "listen", addresses, &identity_);
    EXPECT_OK(listening);
    return *std::move(listening);
  }

  const CertificateAuthority authority_{"authority"};
  const CertificateAuthority other_{"other"};
  CurrentTlsIdentity identity_;
  grpc::health::v1::Health::Service service_;
};

TEST_F(TlsCredentialsTest, ConnectsThoseWhoTrustTheCertificate) {
  identity_.Set(IdentityOf(authority_.Issue("server")));
  const ListeningServer server = Listen();
  EXPECT_TRUE(Connects(server.addresses[0], Trusting(authority_.certificate())));
  const grpc::Status distrusted = Ask(server.addresses[0], Trusting(other_.certificate()));
  EXPECT_EQ(distrusted.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(distrusted.error_message(), HasSubstr("certificate verify failed"));
  const grpc::Status plain = Ask(server.addresses[0], grpc::InsecureChannelCredentials());
  EXPECT_EQ(plain.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(plain.error_message(), HasSubstr(": Socket closed"));
}

TEST_F(TlsCredentialsTest, UnixSocketsStayPlain) {
  identity_.Set(IdentityOf(authority_.Issue("server")));
  const TemporaryFolder folder;
  const ListeningServer server = Listen({"localhost:0", "unix:" + folder.File("socket"), "localhost:0"});
  EXPECT_TRUE(Connects(server.addresses[0], Trusting(authority_.certificate())));
  EXPECT_TRUE(Connects(server.addresses[1], grpc::InsecureChannelCredentials()));
  EXPECT_TRUE(Connects(server.addresses[2], Trusting(authority_.certificate())));
  EXPECT_FALSE(Connects(server.addresses[2], grpc::InsecureChannelCredentials()));
}

TEST_F(TlsCredentialsTest, ClientsMustShowACertificateOfTheRoots) {
  identity_.Set(IdentityOf(authority_.Issue("server"), other_.certificate()));
  const ListeningServer server = Listen();
  EXPECT_TRUE(Connects(server.addresses[0], Trusting(authority_.certificate(), other_.Issue("client"))));
  EXPECT_FALSE(Connects(server.addresses[0], Trusting(authority_.certificate())));
  EXPECT_FALSE(Connects(server.addresses[0], Trusting(authority_.certificate(), authority_.Issue("stranger"))));
  const absl::Time past = absl::Now() - absl::Hours(1);
  EXPECT_FALSE(Connects(server.addresses[0], Trusting(authority_.certificate(), other_.Issue("late", past))));
}

TEST_F(TlsCredentialsTest, NewConnectionsOfEveryListenerGetTheNewIdentity) {
  identity_.Set(IdentityOf(authority_.Issue("server"), authority_.certificate()));
  const ListeningServer server = Listen({"localhost:0", "localhost:0"});
  const auto trusting_first = Trusting(authority_.certificate(), authority_.Issue("client"));
  const auto channel = MakeChannel(server.addresses[0], trusting_first);
  const auto stub = grpc::health::v1::Health::NewStub(channel);
  const auto ask_again = [&stub] {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    return stub->Check(&context, {}, &response).error_code();
  };
  EXPECT_EQ(ask_again(), grpc::StatusCode::UNIMPLEMENTED);
  identity_.Set(IdentityOf(other_.Issue("server"), other_.certificate()));
  for (const std::string& address : server.addresses) {
    EXPECT_TRUE(Connects(address, Trusting(other_.certificate(), other_.Issue("client"))));
    EXPECT_FALSE(Connects(address, Trusting(other_.certificate(), authority_.Issue("client"))));
    EXPECT_FALSE(Connects(address, trusting_first));
  }
  EXPECT_EQ(ask_again(), grpc::StatusCode::UNIMPLEMENTED);  // Over the connection it has.
}

TEST_F(TlsCredentialsTest, IdentityThatGrpcDoesNotTakeLeavesTheOneBefore) {
  identity_.Set(IdentityOf(authority_.Issue("server")));
  const ListeningServer server = Listen();
  identity_.Set({other_.Issue("server").certificate, authority_.Issue("server").key, ""});
  EXPECT_TRUE(Connects(server.addresses[0], Trusting(authority_.certificate())));
  EXPECT_TRUE(Connects(server.addresses[0], Trusting(authority_.certificate())));
  identity_.Set(IdentityOf(other_.Issue("server")));
  EXPECT_TRUE(Connects(server.addresses[0], Trusting(other_.certificate())));
}

// The whole server.
TEST_F(TlsCredentialsTest, AnswersHaveTheSameBitsAsInPlainText) {
  constexpr size_t kFloats = size_t{5} << 20;  // 20 MiB.
  std::vector<float> values(kFloats);
  for (size_t i = 0; i < kFloats; ++i) values[i] = static_cast<float>(i % 1009) / 1009 - 0.5f;
  const CredentialFolder folder;
  folder.Write(authority_.Issue("server"));
  ServerOptions options = TestOptions();
  folder.UseTls(options);
  RunningServer secure(options, RealClock(), Trusting(authority_.certificate()));
  RunningServer plain;
  for (const auto& request : {MakeRequest({1, 2, 3}), MakeRequest(values)}) {
    v1::ComputeResponse secure_response;
    v1::ComputeResponse plain_response;
    const grpc::Status status = secure.Call(request, &secure_response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_TRUE(plain.Call(request, &plain_response).ok());
    EXPECT_EQ(secure_response.SerializeAsString(), plain_response.SerializeAsString());
  }
}

TEST_F(TlsCredentialsTest, AdminPortSpeaksTlsToo) {
  const CredentialFolder folder;
  folder.Write(authority_.Issue("server"));
  ServerOptions options = TestOptions();
  folder.UseTls(options);
  RunningServer server(options, RealClock(), Trusting(authority_.certificate()));
  const std::string admin = server.server().addresses().admin_listen[0];
  EXPECT_TRUE(Ask(admin, Trusting(authority_.certificate())).ok());
  EXPECT_EQ(Ask(admin, grpc::InsecureChannelCredentials()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace lossd::testing
