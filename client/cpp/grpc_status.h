// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Translates gRPC's and in-band statuses to absl::Status.

#ifndef LOSSD_CLIENT_CPP_GRPC_STATUS_H_
#define LOSSD_CLIENT_CPP_GRPC_STATUS_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"

namespace lossd::client {

// Payload of the absl::Status that holds the serialized google.rpc.Status; DetailsOf reads it.
inline constexpr absl::string_view kStatusDetailsUrl = "type.googleapis.com/google.rpc.Status";

// Payload of those that the server refused without details.
inline constexpr absl::string_view kServerUrl = "lossd/server";

// Equal code and text, details as payload. Where gRPC refused a message for its length, or TLS did not come about, the
// text also says which option of the client to look at. Codes that do not exist become UNKNOWN.
absl::Status ToAbslStatus(const grpc::Status& status);

// The same for a status that came in-band, in a stream.
absl::Status ToAbslStatus(const google::rpc::Status& status);

// Whether UNAVAILABLE has a reason that does not pass by itself: a certificate that is not trusted, a server without
// TLS.
bool StaysUnavailable(const absl::Status& status);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_GRPC_STATUS_H_
