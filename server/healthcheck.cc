// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/healthcheck.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/scheduling/clock.h"
#include "core/status/status_macros.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "server/listen_address.h"
#include "server/port_file.h"

namespace lossd {
namespace {

absl::StatusOr<std::string> Target(const ServerOptions& options) {
  std::vector<std::string> addresses = options.admin_listen;
  if (!options.port_file.empty()) {
    auto file = ReadPortFile(options.port_file);
    if (!file.ok()) return absl::UnavailableError(file.status().message());
    addresses = std::move(file->admin_listen);
  }
  if (addresses.empty()) return absl::UnavailableError("--admin_listen: expected an address to ask, got none");
  LOSSD_ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(addresses[0]));
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return ListenAddressText(address);
}

}  // namespace

absl::Status CheckRunningServer(const ServerOptions& options, absl::Duration timeout) {
  LOSSD_ASSIGN_OR_RETURN(const std::string target, Target(options));
  const auto stub = grpc::health::v1::Health::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(RealClock().TimeNow() + timeout));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("readiness");
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) return absl::UnavailableError(absl::StrCat(target, ": ", status.error_message()));
  if (response.status() == grpc::health::v1::HealthCheckResponse::SERVING) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(target, ": expected SERVING, got ",
                   grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status())));
}

}  // namespace lossd
