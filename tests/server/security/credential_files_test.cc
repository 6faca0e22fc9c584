// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/credential_files.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/credential_folder.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd {
namespace {

using ::lossd::testing::CertificateAuthority;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCertificate;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CredentialFilesTest : public ::testing::Test {
 protected:
  CredentialFilesTest() {
    folder_.Write(first_);
    folder_.Write(folder_.client_ca(), authority_.certificate());
    folder_.Write(folder_.tokens(), "secret-1\n");
    folder_.UseTls(options_);
    options_.tls_client_ca_file = folder_.client_ca();
    options_.auth_token_file = folder_.tokens();
  }

  // What one look at the files writes to the log.
  std::string LogOfReload(CredentialFiles& files) const {
    std::string log;
    {
      Logger logger(LogLevel::kInfo, LogFormat::kText, [&log](absl::string_view lines) { log += std::string(lines); });
      files.Reload(logger);
    }
    return log;
  }

  const CertificateAuthority authority_{"authority"};
  const TestCertificate first_ = authority_.Issue("first", absl::FromUnixSeconds(4'100'000'000));
  const TestCertificate second_ = authority_.Issue("second", absl::FromUnixSeconds(4'000'000'000));
  const testing::CredentialFolder folder_;
  ServerOptions options_;
};

TEST_F(CredentialFilesTest, WithoutFilesThereIsNothingToShowOrToAskFor) {
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(ServerOptions()));
  EXPECT_EQ(files->tls(), nullptr);
  EXPECT_EQ(files->tokens(), nullptr);
  EXPECT_EQ(LogOfReload(*files), "");
}

TEST_F(CredentialFilesTest, HoldsWhatTheFilesSay) {
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_));
  EXPECT_EQ(files->tls()->Get()->certificate_chain, first_.certificate);
  EXPECT_EQ(files->tls()->Get()->private_key, first_.key);
  EXPECT_EQ(files->tls()->Get()->client_roots, authority_.certificate());
  EXPECT_OK(files->tokens()->Check("Bearer secret-1"));
  EXPECT_EQ(LogOfReload(*files), "");
}

TEST_F(CredentialFilesTest, FilesThatAreWrongAreNamedWithTheirFlags) {
  folder_.Write(folder_.tokens(), "\n# none\n");
  EXPECT_THAT(CredentialFiles::Load(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--auth_token_file: expected"), HasSubstr(folder_.tokens()))));
  options_.auth_token_file = "/nowhere/tokens";
  EXPECT_THAT(CredentialFiles::Load(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--auth_token_file: cannot read \"/nowhere/tokens\": No such file")));
  folder_.Write(folder_.key(), second_.key);
  EXPECT_THAT(CredentialFiles::Load(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--tls_key_file: expected"), HasSubstr(folder_.key()))));
}

TEST_F(CredentialFilesTest, ReloadTakesANewCertificateAndSaysWhenItExpires) {
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_));
  folder_.Write(second_);
  EXPECT_THAT(LogOfReload(*files), AllOf(HasSubstr("INFO new TLS certificate"), HasSubstr(folder_.certificate()),
                                         HasSubstr("expires=2096-10-02T07:06:40")));
  EXPECT_EQ(files->tls()->Get()->certificate_chain, second_.certificate);
  EXPECT_EQ(LogOfReload(*files), "");
}

TEST_F(CredentialFilesTest, ReloadKeepsTheLastGoodPairAndSaysSoOnce) {
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_));
  const auto before = files->tls()->Get();
  folder_.Write(folder_.certificate(), second_.certificate);
  EXPECT_THAT(LogOfReload(*files),
              AllOf(HasSubstr("WARNING kept the credentials before"), HasSubstr("--tls_key_file")));
  EXPECT_EQ(files->tls()->Get(), before);
  EXPECT_EQ(LogOfReload(*files), "");
  folder_.Write(folder_.key(), second_.key);
  EXPECT_THAT(LogOfReload(*files), HasSubstr("new TLS certificate"));
  EXPECT_EQ(files->tls()->Get()->private_key, second_.key);
}

TEST_F(CredentialFilesTest, ExpiredCertificateIsNotTakenOverAValidOne) {
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_));
  EXPECT_OK(files->CheckExpiry());
  folder_.Write(authority_.Issue("old", absl::FromUnixSeconds(1'000'000'000)));
  EXPECT_THAT(LogOfReload(*files),
              AllOf(HasSubstr("WARNING kept the credentials before"), HasSubstr("--tls_cert_file: expected"),
                    HasSubstr(folder_.certificate()), HasSubstr("2001-09-09T01:46:40")));
  EXPECT_EQ(files->tls()->Get()->certificate_chain, first_.certificate);
}

TEST_F(CredentialFilesTest, ExpiredCertificateIsServedWhereThereIsNoOtherAndSaidToBe) {
  folder_.Write(authority_.Issue("old", absl::FromUnixSeconds(1'000'000'000)));
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_));
  EXPECT_THAT(files->CheckExpiry(), StatusIs(absl::StatusCode::kInvalidArgument,
                                             AllOf(HasSubstr("--tls_cert_file: expected a certificate that has not"),
                                                   HasSubstr(folder_.certificate()))));
  EXPECT_EQ(files->tls_expiry(), absl::FromUnixSeconds(1'000'000'000));
  EXPECT_THAT(LogOfReload(*files), HasSubstr("WARNING the TLS certificate has expired"));
  EXPECT_EQ(LogOfReload(*files), "");
  folder_.Write(second_);
  EXPECT_THAT(LogOfReload(*files), HasSubstr("INFO new TLS certificate"));
  EXPECT_OK(files->CheckExpiry());
}

TEST_F(CredentialFilesTest, ExpiryIsWarnedOfOnceBeforeAndOnceAfter) {
  const absl::Time expiry = absl::FromUnixSeconds(4'000'000'000);
  testing::SimulatedClock clock(expiry - CredentialFiles::kSoon - absl::Seconds(1));
  folder_.Write(second_);
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_, clock));
  EXPECT_EQ(LogOfReload(*files), "");
  clock.AdvanceTime(absl::Seconds(1));
  EXPECT_THAT(LogOfReload(*files), HasSubstr("WARNING the TLS certificate expires soon"));
  EXPECT_EQ(LogOfReload(*files), "");
  clock.AdvanceTime(CredentialFiles::kSoon);
  EXPECT_THAT(LogOfReload(*files), HasSubstr("WARNING the TLS certificate has expired"));
  EXPECT_EQ(LogOfReload(*files), "");
}

TEST_F(CredentialFilesTest, ReloadTakesNewTokensOrKeepsThoseBefore) {
  ASSERT_OK_AND_ASSIGN(const auto files, CredentialFiles::Load(options_));
  folder_.Write(folder_.tokens(), "secret-2\n");
  EXPECT_THAT(LogOfReload(*files),
              AllOf(HasSubstr("INFO new tokens"), HasSubstr(folder_.tokens()), Not(HasSubstr("secret"))));
  EXPECT_OK(files->tokens()->Check("Bearer secret-2"));
  EXPECT_FALSE(files->tokens()->Check("Bearer secret-1").ok());
  folder_.Write(folder_.tokens(), "");
  EXPECT_THAT(LogOfReload(*files),
              AllOf(HasSubstr("WARNING"), HasSubstr("--auth_token_file: expected 1 to 64 tokens")));
  EXPECT_OK(files->tokens()->Check("Bearer secret-2"));
}

}  // namespace
}  // namespace lossd
