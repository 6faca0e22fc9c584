// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A message of a case, as the client takes it.

#ifndef LOSSD_CLIENT_CPP_CONFORMANCE_CASE_MESSAGE_H_
#define LOSSD_CLIENT_CPP_CONFORMANCE_CASE_MESSAGE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/compute_request.h"

namespace lossd::conformance {

// A request whose inputs lie here, and what is expected of it.
struct CaseMessage {
  client::ComputeRequest request;
  std::vector<std::string> payloads;  // Of the inputs, in their order.
  nlohmann::json expect;

  // The request with inputs that borrow `payloads`: valid while this is.
  client::ComputeRequest Request() const;
};

// UNIMPLEMENTED where the client's types cannot say what the case does.
absl::StatusOr<CaseMessage> MakeMessage(const nlohmann::json& described);

}  // namespace lossd::conformance

#endif  // LOSSD_CLIENT_CPP_CONFORMANCE_CASE_MESSAGE_H_
