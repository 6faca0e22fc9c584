// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns our statuses into those of gRPC, with google.rpc details.

#ifndef LOSSD_SERVER_RPC_RPC_STATUS_H_
#define LOSSD_SERVER_RPC_RPC_STATUS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace lossd {

// Status texts travel in trailers, which are limited to 8 KiB in all.
inline constexpr size_t kMaxStatusTextBytes = 1024;

// The code and text of `status` (shortened to kMaxStatusTextBytes, mended to UTF-8), and in the details what
// core/status attached: BadRequest for a field; QuotaFailure, and RetryInfo where retrying can help, for a limit; for
// INTERNAL an ErrorInfo that carries `request_id`.
google::rpc::Status ToRpcStatus(const absl::Status& status, absl::string_view request_id);

// The same as gRPC carries it: code, text, and the google.rpc.Status serialized in the details.
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id);

// How long the caller should wait before trying again, for `grpc-retry-pushback-ms`; nullopt where it should not, or
// where nothing is known. All of these are thread-safe.
std::optional<absl::Duration> RetryDelay(const absl::Status& status);

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_RPC_STATUS_H_
