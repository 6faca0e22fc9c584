// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/tls_credentials.h"

#include <string>
#include <utility>
#include <vector>

#include "grpc/grpc.h"
#include "grpc/grpc_security.h"

namespace lossd {
namespace {

// What a listener has shown last. gRPC asks under a lock of the listener's.
class Shown {
 public:
  explicit Shown(const CurrentTlsIdentity& identity) : identity_(identity) {}

  static grpc_ssl_certificate_config_reload_status Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<Shown*>(self)->Fetch(config);
  }

 private:
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    std::shared_ptr<const TlsIdentity> newest = identity_.Get();
    if (newest == last_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    last_ = std::move(newest);
    const grpc_ssl_pem_key_cert_pair pair = {last_->private_key.c_str(), last_->certificate_chain.c_str()};
    // gRPC asserts that there are roots also where it does not ask for clients' certificates.
    const std::string& roots = last_->client_roots.empty() ? last_->certificate_chain : last_->client_roots;
    *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const CurrentTlsIdentity& identity_;
  std::shared_ptr<const TlsIdentity> last_;
};

class TlsCredentials final : public grpc::ServerCredentials {
 public:
  explicit TlsCredentials(const CurrentTlsIdentity& identity)
      : identity_(identity),
        request_(identity.Get()->client_roots.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                      : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY) {}

  // Calls look at their metadata themselves.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    shown_.push_back(std::make_unique<Shown>(identity_));
    grpc_server_credentials* credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request_, &Shown::Fetch, shown_.back().get()));
    const int port = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  const CurrentTlsIdentity& identity_;
  const grpc_ssl_client_certificate_request_type request_;
  std::vector<std::unique_ptr<Shown>> shown_;  // Of each listener.
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> TlsListenerCredentials(const CurrentTlsIdentity& identity) {
  return std::make_shared<TlsCredentials>(identity);
}

}  // namespace lossd
