// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// TLS for the listeners of gRPC servers.

#ifndef LOSSD_SERVER_SECURITY_TLS_CREDENTIALS_H_
#define LOSSD_SERVER_SECURITY_TLS_CREDENTIALS_H_

#include <memory>

#include "grpcpp/security/server_credentials.h"
#include "server/security/tls_identity.h"

namespace lossd {

// Credentials of listeners that show every new connection what `identity` holds at that time, and refuse clients
// without a certificate of its client roots, where it has any now. Connections that are there stay as they are.
// `identity` is not owned; has one that CheckTlsIdentity takes; and outlives, as the credentials do, the server they
// are added to.
//
// Each listener asks `identity` on the thread that accepts, under a lock of its own, so that it must not block: its Get
// is thread-safe. Whether clients are asked for certificates at all is settled by what it holds now. To be called, and
// added to a server, by one thread at a time.
//
// This is gRPC's config fetcher, which of an identity that gRPC does not take keeps the one before. Its
// FileWatcherCertificateProvider (1.51) throws that away first, and turns every client off until the files are right.
std::shared_ptr<grpc::ServerCredentials> TlsListenerCredentials(const CurrentTlsIdentity& identity);

}  // namespace lossd

#endif  // LOSSD_SERVER_SECURITY_TLS_CREDENTIALS_H_
