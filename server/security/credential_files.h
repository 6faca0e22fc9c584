// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the server shows to clients and wants to be shown, out of files.

#ifndef LOSSD_SERVER_SECURITY_CREDENTIAL_FILES_H_
#define LOSSD_SERVER_SECURITY_CREDENTIAL_FILES_H_

#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"
#include "server/log/logger.h"
#include "server/process/watched_files.h"
#include "server/security/auth_tokens.h"
#include "server/security/tls_identity.h"
#include "server/settings/options.h"

namespace lossd {

// The files of --tls_cert_file, --tls_key_file, --tls_client_ca_file and --auth_token_file. What they say can be
// replaced while the server runs: Reload takes a new version of them if it is right, and leaves the last one that was
// if not. Outlives the servers that show what it gives.
class CredentialFiles {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(1);  // Between looks at the files of a server.

  static constexpr absl::Duration kSoon = absl::Hours(24 * 7);  // Before its expiry a certificate is warned of.

  // Reads the files of `options`, which are valid. INVALID_ARGUMENT, naming flag and file, if one is missing or wrong.
  // A certificate that has expired is taken, since it may be the clock that is wrong. `clock` is not owned and outlives
  // this.
  static absl::StatusOr<std::unique_ptr<CredentialFiles>> Load(const ServerOptions& options,
                                                               Clock& clock = RealClock());

  // INVALID_ARGUMENT, naming flag and file, if the certificate has expired.
  absl::Status CheckExpiry() const;

  // What TLS listeners show; null if there are none. Whether it is null never changes, nor where it is.
  const CurrentTlsIdentity* tls() const { return tls_files_.has_value() ? &tls_ : nullptr; }
  // The tokens that calls must show one of; null if they need none. The same goes for these.
  const AuthTokens* tokens() const { return token_file_.has_value() ? &tokens_ : nullptr; }

  // When the certificate expires, the server's own, not its chain's; InfiniteFuture() where it does not say. Only where
  // there is one. Thread-safe.
  absl::Time tls_expiry() const;

  // Looks at the files again and logs what has changed, nothing of their content. New connections get the new identity;
  // new calls are checked by the new tokens, on old connections too. A certificate that has expired does not replace
  // one that has not; one that is about to expire, or has, is warned of once each. Not thread-safe; what tls() and
  // tokens() give is.
  void Reload(Logger& logger);

 private:
  CredentialFiles(const ServerOptions& options, Clock& clock);
  // Of the thread that calls Reload, as what it remembers.
  void WarnOfExpiry(Logger& logger);
  // What WatchedFiles calls: checks what was read, and takes it over if it is right.
  absl::Status TakeTls(const std::vector<std::string>& contents);
  absl::Status TakeTokens(absl::string_view text);

  const ServerOptions options_;
  Clock& clock_;
  CurrentTlsIdentity tls_;
  mutable absl::Mutex mu_;
  absl::Time tls_expiry_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  absl::Time warned_soon_of_;     // The expiry that was warned of before it came,
  absl::Time warned_expired_of_;  // and after.
  AuthTokens tokens_;
  std::optional<WatchedFiles> tls_files_;
  std::optional<WatchedFiles> token_file_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_SECURITY_CREDENTIAL_FILES_H_
