// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/tls_identity.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_certificates.h"

namespace lossd {
namespace {

using ::lossd::testing::CertificateAuthority;
using ::lossd::testing::IsOkAndHolds;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCertificate;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const CertificateAuthority& Authority() {
  static const auto* const authority = new CertificateAuthority("authority");
  return *authority;
}

ServerOptions Options() {
  ServerOptions options;
  options.tls_cert_file = "/etc/tls.crt";
  options.tls_key_file = "/etc/tls.key";
  options.tls_client_ca_file = "/etc/ca.crt";
  return options;
}

TlsIdentity IdentityOf(const TestCertificate& certificate) {
  return {certificate.certificate, certificate.key, Authority().certificate()};
}

TEST(TlsIdentityTest, TellsWhenTheCertificateExpires) {
  const absl::Time expiry = absl::FromUnixSeconds(4'000'000'000);
  TlsIdentity identity = IdentityOf(Authority().Issue("server", expiry));
  identity.certificate_chain += Authority().certificate();
  EXPECT_THAT(CheckTlsIdentity(identity, Options()), IsOkAndHolds(expiry));
  EXPECT_OK(CheckTlsIdentity(IdentityOf(testing::RsaCertificate(2048)), Options()).status());
}

TEST(TlsIdentityTest, ExpiredCertificatesAreTakenSinceClocksCanBeWrong) {
  const absl::Time expiry = absl::FromUnixSeconds(1'000'000'000);
  EXPECT_THAT(CheckTlsIdentity(IdentityOf(Authority().Issue("server", expiry)), Options()), IsOkAndHolds(expiry));
}

TEST(TlsIdentityTest, RootsOfClientsAreLookedAtOnlyIfTheyAreAskedFor) {
  TlsIdentity identity = IdentityOf(Authority().Issue("server"));
  identity.client_roots.clear();
  EXPECT_FALSE(CheckTlsIdentity(identity, Options()).ok());
  ServerOptions options = Options();
  options.tls_client_ca_file.clear();
  EXPECT_OK(CheckTlsIdentity(identity, options).status());
}

struct BadIdentity {
  const char* name;
  const char* flag;
  const char* file;
  const char* got;
  std::function<void(TlsIdentity&)> spoil;
};

class BadIdentityTest : public ::testing::TestWithParam<BadIdentity> {};

TEST_P(BadIdentityTest, IsRefusedNamingFlagAndFileAndNothingOfTheKey) {
  TlsIdentity identity = IdentityOf(Authority().Issue("server"));
  const std::string secret = identity.private_key.substr(30, 20);
  GetParam().spoil(identity);
  EXPECT_THAT(CheckTlsIdentity(identity, Options()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(absl::StrCat("--", GetParam().flag, ": expected")), HasSubstr(GetParam().file),
                             HasSubstr(GetParam().got), Not(HasSubstr(secret)))));
}

// `text` with a character of its middle replaced by one that PEM does not know.
std::string Damaged(std::string text) {
  text[text.size() / 2] = '!';
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    All, BadIdentityTest,
    ::testing::Values(BadIdentity{"EmptyCertificate", "tls_cert_file", "/etc/tls.crt", "got none",
                                  [](TlsIdentity& i) { i.certificate_chain.clear(); }},
                      BadIdentity{"NoCertificate", "tls_cert_file", "/etc/tls.crt", "got none",
                                  [](TlsIdentity& i) { i.certificate_chain = i.private_key; }},
                      BadIdentity{"DamagedCertificate", "tls_cert_file", "/etc/tls.crt", "cannot be read",
                                  [](TlsIdentity& i) { i.certificate_chain = Damaged(i.certificate_chain); }},
                      BadIdentity{"DamagedChain", "tls_cert_file", "/etc/tls.crt", "cannot be read",
                                  [](TlsIdentity& i) { i.certificate_chain += Damaged(Authority().certificate()); }},
                      BadIdentity{"WeakCertificate", "tls_cert_file", "/etc/tls.crt", "too small",
                                  [](TlsIdentity& i) { i = IdentityOf(testing::RsaCertificate(1024)); }},
                      BadIdentity{"EmptyKey", "tls_key_file", "/etc/tls.key", "got none",
                                  [](TlsIdentity& i) { i.private_key.clear(); }},
                      BadIdentity{"DamagedKey", "tls_key_file", "/etc/tls.key", "got none",
                                  [](TlsIdentity& i) { i.private_key = Damaged(i.private_key); }},
                      BadIdentity{"KeyWithPassword", "tls_key_file", "/etc/tls.key", "without password",
                                  [](TlsIdentity& i) { i.private_key = testing::WithPassword(i.private_key); }},
                      BadIdentity{"KeyOfAnotherCertificate", "tls_key_file", "/etc/tls.key", "got another one",
                                  [](TlsIdentity& i) { i.private_key = Authority().Issue("other").key; }},
                      BadIdentity{"KeyOfAnotherKind", "tls_key_file", "/etc/tls.key", "got another one",
                                  [](TlsIdentity& i) { i.private_key = testing::RsaCertificate(2048).key; }},
                      BadIdentity{"EmptyRoots", "tls_client_ca_file", "/etc/ca.crt", "got none",
                                  [](TlsIdentity& i) { i.client_roots.clear(); }},
                      BadIdentity{"DamagedRoots", "tls_client_ca_file", "/etc/ca.crt", "cannot be read",
                                  [](TlsIdentity& i) { i.client_roots = Damaged(i.client_roots); }}),
    [](const auto& bad) { return bad.param.name; });

TEST(CurrentTlsIdentityTest, GivesTheLastOneThatWasSet) {
  CurrentTlsIdentity current;
  EXPECT_EQ(current.Get(), nullptr);
  current.Set({"first", "", ""});
  const auto first = current.Get();
  EXPECT_EQ(current.Get(), first);
  current.Set({"second", "", ""});
  EXPECT_NE(current.Get(), first);
  EXPECT_EQ(first->certificate_chain, "first");
  EXPECT_EQ(current.Get()->certificate_chain, "second");
}

}  // namespace
}  // namespace lossd
