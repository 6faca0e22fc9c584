// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// TLS, certificates of clients, and tokens: the real server, lossctl and the C++ client.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/credential_folder.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Long enough for a first attempt to fail on a busy machine.
constexpr char kFailsWithin[] = "2s";

// Options of a client that trusts `roots`, whose first call connects.
client::ClientOptions Trusting(const std::string& roots, const TestCertificate& shown = {}) {
  client::ClientOptions options;
  options.tls = client::TlsOptions{roots, shown.certificate, shown.key};
  options.connect_timeout = absl::ZeroDuration();
  options.patience = absl::ZeroDuration();
  return options;
}

// How it ends to ask the server at `address` what it is, over a new connection.
absl::Status Ask(const std::string& address, const client::ClientOptions& options) {
  const auto client = client::Client::Connect(address, options);
  return client.ok() ? (*client)->GetServerInfo().status() : client.status();
}

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    folder_.Write(authority_.Issue("server"));
    folder_.Write(folder_.client_ca(), authority_.certificate());
    folder_.Write(folder_.tokens(), "first\n");
  }

  std::vector<std::string> TlsFlags() const {
    return {"--tls_cert_file=" + folder_.certificate(), "--tls_key_file=" + folder_.key()};
  }

  const CertificateAuthority authority_{"authority"};
  const CertificateAuthority other_{"other"};
  const CredentialFolder folder_;
};

TEST_F(CredentialsTest, WrongFilesEndTheServerWithTwoAndALineThatNamesFlagAndFile) {
  folder_.Write(folder_.client_ca() + ".empty", "");
  folder_.Write(folder_.key() + ".other", other_.Issue("other").key);
  const auto tls = [this](const std::string& key) {
    return std::vector<std::string>{"--tls_cert_file=" + folder_.certificate(), "--tls_key_file=" + key};
  };
  struct Mistake {
    std::vector<std::string> flags;
    std::string flag;
    std::string named;
  };
  std::vector<Mistake> mistakes = {
      {{"--tls_cert_file=" + folder_.certificate()}, "--tls_key_file", "--tls_cert_file"},
      {{"--tls_client_ca_file=" + folder_.client_ca()}, "--tls_client_ca_file", "--tls_key_file"},
      {tls("/nowhere/key"), "--tls_key_file", "\"/nowhere/key\""},
      {tls(folder_.key() + ".other"), "--tls_key_file", folder_.key() + ".other"},
      {tls(folder_.certificate()), "--tls_key_file", folder_.certificate()},
      {tls(folder_.key()), "--tls_client_ca_file", folder_.client_ca() + ".empty"},
      {{"--auth_token_file=/nowhere/tokens"}, "--auth_token_file", "\"/nowhere/tokens\""},
      {{"--auth_token_file=" + folder_.client_ca() + ".empty"}, "--auth_token_file", folder_.client_ca() + ".empty"}};
  mistakes[5].flags.push_back("--tls_client_ca_file=" + folder_.client_ca() + ".empty");
  for (const Mistake& mistake : mistakes) {
    for (const char* how : {"--validate_config", "--listen=127.0.0.1:0"}) {
      std::vector<std::string> flags = mistake.flags;
      flags.push_back(how);
      const Ended ended = RunToEnd("lossd", flags);
      EXPECT_EQ(ended.code, 2) << ended.errors;
      EXPECT_THAT(ended.errors, AllOf(HasSubstr("lossd: " + mistake.flag + ": "), HasSubstr(mistake.named)));
      EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
    }
  }
  std::vector<std::string> good = tls(folder_.key());
  good.insert(good.end(), {"--tls_client_ca_file=" + folder_.client_ca(), "--auth_token_file=" + folder_.tokens(),
                           "--validate_config"});
  EXPECT_EQ(RunToEnd("lossd", good).code, 0);
}

TEST_F(CredentialsTest, ConnectionsThatFailSayWhy) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(TlsFlags()));
  EXPECT_OK(Ask(server->address(), Trusting(authority_.certificate())));
  EXPECT_THAT(Ask(server->address(), Trusting(other_.certificate())),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("trusts none who signed the server's certificate")));
  client::ClientOptions plain = Trusting("");
  plain.tls.reset();
  EXPECT_THAT(Ask(server->address(), plain),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("servers do so that want ClientOptions.tls")));
  EXPECT_THAT(Ask(server->address(), Trusting("no certificate")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("its roots, certificate or key cannot be read")));
  ASSERT_TRUE(absl::ParseDuration(kFailsWithin, &plain.connect_timeout));  // Waiting for a connection says the same.
  EXPECT_THAT(Ask(server->address(), plain),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("no connection to"), HasSubstr("servers do so that want ClientOptions.tls"))));
  ASSERT_OK_AND_ASSIGN(const auto without_tls, ServerProcess::Start());
  EXPECT_THAT(Ask(without_tls->address(), Trusting(authority_.certificate())),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the server speaks plain text there")));
}

TEST_F(CredentialsTest, LossctlShowsCertificateAndToken) {
  std::vector<std::string> flags = TlsFlags();
  flags.push_back("--tls_client_ca_file=" + folder_.client_ca());
  flags.push_back("--auth_token_file=" + folder_.tokens());
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(flags));
  const TestCertificate client = authority_.Issue("client");
  const CredentialFolder own;
  own.Write(client);
  own.Write(own.tokens(), "another\n");
  std::vector<std::string> connect = {"info", "--target", server->address(), "--tls-ca-file", folder_.client_ca()};
  std::vector<std::string> without_certificate = connect;
  without_certificate.insert(without_certificate.end(), {"--connect-timeout", kFailsWithin});
  const std::string errors = RunToEnd("lossctl", without_certificate).errors;
  EXPECT_THAT(errors, HasSubstr("servers do so that want --tls"));
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;  // Nothing of gRPC's own.
  connect.insert(connect.end(), {"--tls-cert-file", own.certificate(), "--tls-key-file", own.key()});
  EXPECT_THAT(RunToEnd("lossctl", connect).errors, HasSubstr("lossctl: UNAUTHENTICATED: authorization: expected"));
  connect.insert(connect.end(), {"--auth-token-file", own.tokens()});
  EXPECT_THAT(RunToEnd("lossctl", connect).errors, HasSubstr("got another token"));
  connect.back() = folder_.tokens();
  const Ended ended = RunToEnd("lossctl", connect);
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("squared_norm"));
  std::vector<std::string> healthcheck = {"--healthcheck", "--port_file=" + server->port_file()};
  healthcheck.insert(healthcheck.end(), flags.begin(), flags.end());
  EXPECT_EQ(RunToEnd("lossd", healthcheck).code, 0);
}

TEST_F(CredentialsTest, LossctlLoadSaysWhyThereIsNoConnection) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(TlsFlags()));
  const Ended ended = RunToEnd("lossctl", {"load", "--target", server->address(), "--connect-timeout", kFailsWithin,
                                           "--loss", "squared_norm", "--shape", "3", "--calls", "1"});
  EXPECT_NE(ended.code, 0);
  EXPECT_THAT(ended.errors, HasSubstr("servers do so that want --tls"));
}

// A folder in which versions of files are shown one after the other, as Kubernetes shows those of a secret.
class SecretVolume {
 public:
  std::string File(const std::string& name) const { return folder_.File(name); }

  void Show(const std::string& version, const TestCertificate& certificate) const {
    std::filesystem::create_directory(File(version));
    ReplaceFile(File(version) + "/tls.crt", certificate.certificate);
    ReplaceFile(File(version) + "/tls.key", certificate.key);
    std::filesystem::create_directory_symlink(version, File("..data_tmp"));
    std::filesystem::rename(File("..data_tmp"), File("..data"));
    for (const std::string name : {"tls.crt", "tls.key"}) {
      if (!std::filesystem::exists(File(name))) std::filesystem::create_symlink("..data/" + name, File(name));
    }
  }

 private:
  const TemporaryFolder folder_;
};

TEST_F(CredentialsTest, CertificatesRotateWithoutARestart) {
  const SecretVolume volume;
  volume.Show("v1", authority_.Issue("server"));
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start({"--tls_cert_file=" + volume.File("tls.crt"),
                                                                "--tls_key_file=" + volume.File("tls.key")}));
  ASSERT_OK_AND_ASSIGN(const auto before,
                       client::Client::Connect(server->address(), Trusting(authority_.certificate())));
  EXPECT_OK(before->GetServerInfo());
  volume.Show("v2", other_.Issue("server"));
  ASSERT_TRUE(server->process().AwaitErrors("new TLS certificate"));
  EXPECT_OK(Ask(server->address(), Trusting(other_.certificate())));
  EXPECT_THAT(Ask(server->address(), Trusting(authority_.certificate())), StatusIs(absl::StatusCode::kUnavailable));
  volume.Show("v3", {authority_.Issue("server").certificate, other_.Issue("server").key});
  ASSERT_TRUE(server->process().AwaitErrors("kept the credentials before"));
  EXPECT_OK(Ask(server->address(), Trusting(other_.certificate())));
  EXPECT_OK(before->GetServerInfo());  // Its connection stays.
  EXPECT_EQ(server->Stop(), 0);
}

TEST_F(CredentialsTest, TokensRotateWithoutARestart) {
  std::vector<std::string> flags = TlsFlags();
  flags.push_back("--auth_token_file=" + folder_.tokens());
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(flags));
  const auto connect = [&](const std::string& token) {
    client::ClientOptions options = Trusting(authority_.certificate());
    options.auth_token = token;
    return client::Client::Connect(server->address(), options);
  };
  ASSERT_OK_AND_ASSIGN(const auto first, connect("first"));
  ASSERT_OK_AND_ASSIGN(const auto second, connect("second"));
  EXPECT_OK(first->GetServerInfo());
  EXPECT_THAT(second->GetServerInfo(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("another token")));
  folder_.Write(folder_.tokens(), "first\nsecond\n");
  ASSERT_TRUE(server->process().AwaitErrors("new tokens"));
  EXPECT_OK(first->GetServerInfo());
  EXPECT_OK(second->GetServerInfo());
  folder_.Write(folder_.tokens(), "# none\n");
  ASSERT_TRUE(server->process().AwaitErrors("kept the credentials before"));
  EXPECT_OK(second->GetServerInfo());
  EXPECT_EQ(server->Stop(), 0);
}

}  // namespace
}  // namespace lossd::testing
