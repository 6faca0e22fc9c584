// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/origin.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "client/cpp/grpc_status.h"

namespace lossd::client {

Origin OriginOf(const absl::Status& status) {
  if (status.GetPayload(kStatusDetailsUrl)) return Origin::kServer;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kFailedPrecondition:
      return Origin::kClient;
    case absl::StatusCode::kResourceExhausted:  // gRPC's own limit, which says on which side where that is not this.
      return absl::StrContains(absl::AsciiStrToLower(status.message()), "message larger than max") &&
                     !absl::StrContains(status.message(), "SERVER")
                 ? Origin::kClient
                 : Origin::kServer;
    default:
      return Origin::kServer;
  }
}

}  // namespace lossd::client
