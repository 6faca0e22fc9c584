// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/tls_identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctime>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

// Never asks the terminal for a password.
int NoPassword(char*, int, int, void*) { return -1; }

Bio Reader(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

absl::Status Wrong(absl::string_view flag, absl::string_view path, absl::string_view expected, absl::string_view got) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": expected ", expected, " in \"", path, "\", got ", got));
}

// OpenSSL's reason for the failure before; forgets it.
std::string Reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "an error without a reason" : reason;
}

// All certificates of a PEM text; other objects in it are passed over.
absl::StatusOr<std::vector<Certificate>> Certificates(absl::string_view flag, absl::string_view path,
                                                      const std::string& text) {
  const Bio reader = Reader(text);
  std::vector<Certificate> certificates;
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, NoPassword, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = Reason();
  if (!at_end) return Wrong(flag, path, "PEM certificates", absl::StrCat("one that cannot be read (", reason, ")"));
  if (certificates.empty()) return Wrong(flag, path, "PEM certificates", "none");
  return certificates;
}

absl::StatusOr<Key> PrivateKey(absl::string_view path, const std::string& text) {
  Key key(PEM_read_bio_PrivateKey(Reader(text).get(), nullptr, NoPassword, nullptr));
  if (key != nullptr) return key;
  return Wrong("tls_key_file", path, "a PEM private key without password", absl::StrCat("none (", Reason(), ")"));
}

absl::Time ExpiryOf(const X509& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) return absl::InfiniteFuture();
  return absl::FromTM(time, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<absl::Time> CheckTlsIdentity(const TlsIdentity& identity, const ServerOptions& options) {
  LOSSD_ASSIGN_OR_RETURN(const std::vector<Certificate> chain,
                         Certificates("tls_cert_file", options.tls_cert_file, identity.certificate_chain));
  LOSSD_ASSIGN_OR_RETURN(const Key key, PrivateKey(options.tls_key_file, identity.private_key));
  const Context context(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_certificate(context.get(), chain[0].get()) != 1) {
    return Wrong("tls_cert_file", options.tls_cert_file, "a certificate that OpenSSL takes", Reason());
  }
  // A key of another kind than the certificate's has a place of its own in the context, where nothing compares it.
  if (X509_check_private_key(chain[0].get(), key.get()) != 1 || SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    return Wrong("tls_key_file", options.tls_key_file, "the key of the certificate of --tls_cert_file",
                 absl::StrCat("another one (", Reason(), ")"));
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) != 1) {
      return Wrong("tls_cert_file", options.tls_cert_file, "a chain that OpenSSL takes", Reason());
    }
  }
  if (!options.tls_client_ca_file.empty()) {
    LOSSD_RETURN_IF_ERROR(
        Certificates("tls_client_ca_file", options.tls_client_ca_file, identity.client_roots).status());
  }
  return ExpiryOf(*chain[0]);
}

void CurrentTlsIdentity::Set(TlsIdentity identity) {
  auto shared = std::make_shared<const TlsIdentity>(std::move(identity));
  absl::MutexLock lock(&mu_);
  identity_ = std::move(shared);
}

std::shared_ptr<const TlsIdentity> CurrentTlsIdentity::Get() const {
  absl::MutexLock lock(&mu_);
  return identity_;
}

}  // namespace lossd
