// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Certificates made for a test.

#ifndef LOSSD_TESTS_SUPPORT_TEST_CERTIFICATES_H_
#define LOSSD_TESTS_SUPPORT_TEST_CERTIFICATES_H_

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace lossd::testing {

// A certificate and its key, as PEM texts.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

// Signs certificates of localhost and 127.0.0.1.
class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name);
  ~CertificateAuthority();

  // Its own, self-signed.
  const std::string& certificate() const;
  // A new one for a server or a client.
  TestCertificate Issue(const std::string& name, absl::Time expiry = absl::Now() + absl::Hours(24)) const;

 private:
  struct Root;
  const std::unique_ptr<const Root> root_;
};

// A self-signed certificate with an RSA key of so many bits.
TestCertificate RsaCertificate(int bits);

// `key`, a PEM text, behind a password.
std::string WithPassword(const std::string& key);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_TEST_CERTIFICATES_H_
