// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a TLS server shows of itself, and which clients it believes.

#ifndef LOSSD_SERVER_SECURITY_TLS_IDENTITY_H_
#define LOSSD_SERVER_SECURITY_TLS_IDENTITY_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/settings/options.h"

namespace lossd {

// PEM texts, as the files hold them. The key among them: never in a log, a status or a page.
struct TlsIdentity {
  std::string certificate_chain;  // The server's own first, then those that lead to the root.
  std::string private_key;
  std::string client_roots;  // Clients must show a certificate that one of these signed. Empty: they need none.
};

// Checks that a TLS server can be made of `identity`, which was read from the files of `options`: certificates that can
// be read and that OpenSSL does not think too weak, a key without password that belongs to the first of them, and, if
// --tls_client_ca_file is given, roots. INVALID_ARGUMENT, naming flag and file and nothing of their content, if not.
// Returns the time at which the server's certificate expires, which may have passed. Asks nobody for a password.
// Thread-safe.
absl::StatusOr<absl::Time> CheckTlsIdentity(const TlsIdentity& identity, const ServerOptions& options);

// The identity that new connections get. Thread-safe.
class CurrentTlsIdentity {
 public:
  // Replaces what new connections get; whoever has got the one before keeps it. `identity` is one that CheckTlsIdentity
  // takes.
  void Set(TlsIdentity identity);
  // Null before the first Set. Equal as long as nothing was set.
  std::shared_ptr<const TlsIdentity> Get() const;

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const TlsIdentity> identity_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_SECURITY_TLS_IDENTITY_H_
