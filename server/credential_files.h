// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the server shows to clients and wants to be shown, out of files.

#ifndef LOSSD_SERVER_CREDENTIAL_FILES_H_
#define LOSSD_SERVER_CREDENTIAL_FILES_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/auth_tokens.h"
#include "server/logger.h"
#include "server/options.h"
#include "server/tls_identity.h"
#include "server/watched_files.h"

namespace lossd {

// The files of --tls_cert_file, --tls_key_file, --tls_client_ca_file and --auth_token_file. What they say can be
// replaced while the server runs: Reload takes a new version of them if it is right, and leaves the last one that was
// if not.
class CredentialFiles {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(1);  // Between looks at the files of a server.

  // Reads the files of `options`, which are valid. INVALID_ARGUMENT, naming flag and file, if one is missing or wrong.
  static absl::StatusOr<std::unique_ptr<CredentialFiles>> Load(const ServerOptions& options);

  // What TLS listeners show; null if there are none.
  const CurrentTlsIdentity* tls() const { return tls_files_.has_value() ? &tls_ : nullptr; }
  // The tokens that calls must show one of; null if they need none.
  const AuthTokens* tokens() const { return token_file_.has_value() ? &tokens_ : nullptr; }

  // Looks at the files again and logs what has changed, nothing of their content. New connections get the new identity;
  // new calls are checked by the new tokens, on old connections too. Not thread-safe; what tls() and tokens() give is.
  void Reload(Logger& logger);

 private:
  explicit CredentialFiles(const ServerOptions& options);
  absl::Status TakeTls(const std::vector<std::string>& contents);
  absl::Status TakeTokens(absl::string_view text);

  const ServerOptions options_;
  CurrentTlsIdentity tls_;
  absl::Time tls_expiry_;
  AuthTokens tokens_;
  std::optional<WatchedFiles> tls_files_;
  std::optional<WatchedFiles> token_file_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CREDENTIAL_FILES_H_
