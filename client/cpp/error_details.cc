// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/error_details.h"

#include "absl/strings/cord.h"
#include "client/cpp/grpc_status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace lossd::client {
namespace {

void Add(const google::protobuf::Any& any, ErrorDetails& details) {
  google::rpc::BadRequest bad_request;
  google::rpc::QuotaFailure quota_failure;
  google::rpc::RetryInfo retry_info;
  if (any.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      details.field_violations.push_back({violation.field(), violation.description()});
    }
  } else if (any.UnpackTo(&quota_failure)) {
    for (const auto& violation : quota_failure.violations()) {
      details.quota_violations.push_back({violation.subject(), violation.description()});
    }
  } else if (any.UnpackTo(&retry_info)) {
    details.retry_delay =
        absl::Seconds(retry_info.retry_delay().seconds()) + absl::Nanoseconds(retry_info.retry_delay().nanos());
  }
}

}  // namespace

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  const auto payload = status.GetPayload(kStatusDetailsUrl);
  google::rpc::Status message;
  if (!payload || !message.ParseFromString(std::string(*payload))) return details;
  for (const auto& any : message.details()) Add(any, details);
  return details;
}

}  // namespace lossd::client
