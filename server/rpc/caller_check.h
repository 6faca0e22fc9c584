// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Whether a call may come in, by what it shows of its caller.

#ifndef LOSSD_SERVER_RPC_CALLER_CHECK_H_
#define LOSSD_SERVER_RPC_CALLER_CHECK_H_

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "server/security/auth_tokens.h"

namespace lossd {

// OK if `context`, of a call that has arrived, has one `authorization` header, which `tokens` accept, or if `tokens` is
// null; else UNAUTHENTICATED, whose text says whether there was no header, several, or one that is not accepted, and
// never what it was. Thread-safe.
absl::Status CheckCaller(const AuthTokens* tokens, const grpc::ServerContext& context);

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_CALLER_CHECK_H_
