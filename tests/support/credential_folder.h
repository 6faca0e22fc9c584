// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A folder with the files of a server's credentials.

#ifndef LOSSD_TESTS_SUPPORT_CREDENTIAL_FOLDER_H_
#define LOSSD_TESTS_SUPPORT_CREDENTIAL_FOLDER_H_

#include <filesystem>
#include <fstream>
#include <string>

#include "server/settings/options.h"
#include "tests/support/server_process.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {

// Puts a file of this text in the place of the one that may be there, at once.
inline void ReplaceFile(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  std::filesystem::rename(path + ".new", path);
}

// Files by the names that Kubernetes gives them. Removed when destroyed.
class CredentialFolder {
 public:
  std::string certificate() const { return folder_.File("tls.crt"); }
  std::string key() const { return folder_.File("tls.key"); }
  std::string client_ca() const { return folder_.File("ca.crt"); }
  std::string tokens() const { return folder_.File("tokens"); }

  void Write(const std::string& path, const std::string& text) const { ReplaceFile(path, text); }
  void Write(const TestCertificate& certificate) const {
    Write(this->certificate(), certificate.certificate);
    Write(key(), certificate.key);
  }

  // Has `options` name the certificate and the key.
  void UseTls(ServerOptions& options) const {
    options.tls_cert_file = certificate();
    options.tls_key_file = key();
  }

 private:
  const TemporaryFolder folder_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_CREDENTIAL_FOLDER_H_
