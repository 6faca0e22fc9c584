// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/caller_check.h"

#include <iterator>

namespace lossd {

absl::Status CheckCaller(const AuthTokens* tokens, const grpc::ServerContext& context) {
  if (tokens == nullptr) return absl::OkStatus();
  const auto [header, end] = context.client_metadata().equal_range("authorization");
  if (header == end) return NotAuthenticated("none");
  if (std::next(header) != end) return NotAuthenticated("several");
  return tokens->Check({header->second.data(), header->second.size()});
}

}  // namespace lossd
