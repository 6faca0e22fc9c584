// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/healthcheck.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/scheduling/clock.h"
#include "core/status/status_macros.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "server/process/port_file.h"
#include "server/process/system_files.h"
#include "server/process/watched_files.h"
#include "server/settings/listen_address.h"

namespace lossd {
namespace {

// A certificate whose key is gone. gRPC 1.51 wants roots, and takes the system's, which an image may not have, also
// where it does not look at them.
constexpr char kAnyRoot[] = R"(-----BEGIN CERTIFICATE-----
MIHUMIGHAhRdCXplxGW5WUBoexkXsDdTtmZMpzAFBgMrZXAwDDEKMAgGA1UEAwwB
LTAgFw0yNjExMjgxNzU1MjVaGA8yMTI2MTEwNDE3NTUyNVowDDEKMAgGA1UEAwwB
LTAqMAUGAytlcAMhAHCKnSGOm0jgza4hAqc3JCw2MZ62oLofrtNmUE45M/17MAUG
AytlcANBAMFkNTgUj97VvBTMQOLDxKm6CfS/tOmpLexJ/p8o9X6v8bKXU4KdEGk4
h1TJWpdBSuAYxKM3I2yukVHmHG05kwE=
-----END CERTIFICATE-----
)";

absl::StatusOr<std::string> Target(const ServerOptions& options) {
  std::vector<std::string> addresses = options.admin_listen;
  if (!options.port_file.empty()) {
    auto file = ReadPortFile(options.port_file);
    if (!file.ok()) return absl::UnavailableError(file.status().message());
    addresses = std::move(file->admin_listen);
  }
  if (addresses.empty()) return absl::UnavailableError("--admin_listen: expected an address to ask, got none");
  const auto unix_address = absl::c_find_if(addresses, IsUnixAddress);
  LOSSD_ASSIGN_OR_RETURN(ListenAddress address,
                         ParseListenAddress(unix_address == addresses.end() ? addresses[0] : *unix_address));
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return ListenAddressText(address);
}

using CertificatesToShow = std::vector<grpc::experimental::IdentityKeyCertPair>;

// The server's own, if clients have to show one and it can be read.
CertificatesToShow ToShow(const ServerOptions& options) {
  if (options.tls_client_ca_file.empty()) return {};
  const auto chain = ReadRegularFile(options.tls_cert_file, WatchedFiles::kMaxBytes);
  const auto key = ReadRegularFile(options.tls_key_file, WatchedFiles::kMaxBytes);
  if (!chain.ok() || !key.ok()) return {};
  return {{.private_key = *key, .certificate_chain = *chain}};
}

// TLS that believes whoever answers.
std::shared_ptr<grpc::ChannelCredentials> TlsCredentials(const CertificatesToShow& to_show) {
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_verify_server_certs(false);
  tls.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  tls.set_check_call_host(false);
  tls.set_certificate_provider(std::make_shared<grpc::experimental::StaticDataCertificateProvider>(kAnyRoot, to_show));
  tls.watch_root_certs();
  if (!to_show.empty()) tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(const std::string& target, const ServerOptions& options) {
  if (options.tls_cert_file.empty() || IsUnixAddress(target)) return grpc::InsecureChannelCredentials();
  return TlsCredentials(ToShow(options));
}

}  // namespace

absl::Status CheckRunningServer(const ServerOptions& options, absl::Duration timeout) {
  LOSSD_ASSIGN_OR_RETURN(const std::string target, Target(options));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // http_proxy and its like are for others than this machine.
  const auto stub =
      grpc::health::v1::Health::NewStub(grpc::CreateCustomChannel(target, CredentialsFor(target, options), arguments));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(RealClock().TimeNow() + timeout));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("readiness");
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) {
    const bool plain = options.tls_cert_file.empty() && absl::StrContains(status.error_message(), "Socket closed");
    return absl::UnavailableError(
        absl::StrCat(target, ": ", status.error_message(),
                     plain ? "; servers do so that want TLS: give the check the server's --tls_cert_file" : ""));
  }
  if (response.status() == grpc::health::v1::HealthCheckResponse::SERVING) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(target, ": expected SERVING, got ",
                   grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status())));
}

}  // namespace lossd
