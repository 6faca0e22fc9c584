// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/origin.h"

#include "absl/strings/cord.h"
#include "client/cpp/grpc_status.h"

namespace lossd::client {

Origin OriginOf(const absl::Status& status) {
  const bool from_server = status.GetPayload(kStatusDetailsUrl) || status.GetPayload(kServerUrl);
  return from_server ? Origin::kServer : Origin::kClient;
}

}  // namespace lossd::client
