// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <utility>

namespace lossd::testing {
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
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

// Tests cannot go on where OpenSSL fails.
void Check(bool success) {
  if (!success) std::abort();
}

std::string TextOf(BIO* bio) {
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio, &text);
  return std::string(text, static_cast<size_t>(bytes));
}

std::string PemOf(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  Check(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return TextOf(bio.get());
}

std::string PemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  Check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return TextOf(bio.get());
}

void AddExtension(X509* certificate, int nid, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  Check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// An unsigned certificate of `key`, issued by `issuer` or, where that is null, by itself.
Certificate MakeCertificate(const std::string& name, EVP_PKEY* key, absl::Time expiry, X509* issuer) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  int64_t serial = 0;
  Check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate.get()), serial & INT64_MAX);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(absl::Now() - absl::Hours(48)));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(expiry));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer == nullptr ? certificate.get() : issuer));
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

}  // namespace

struct CertificateAuthority::Root {
  Key key;
  Certificate certificate;
  std::string pem;
};

CertificateAuthority::CertificateAuthority(const std::string& name)
    : root_([&name] {
        auto root = std::make_unique<Root>();
        root->key.reset(EVP_EC_gen("P-256"));
        root->certificate = MakeCertificate(name, root->key.get(), absl::Now() + absl::Hours(24), nullptr);
        AddExtension(root->certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
        Check(X509_sign(root->certificate.get(), root->key.get(), EVP_sha256()) > 0);
        root->pem = PemOf(root->certificate.get());
        return root;
      }()) {}

CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::certificate() const { return root_->pem; }

TestCertificate CertificateAuthority::Issue(const std::string& name, absl::Time expiry) const {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = MakeCertificate(name, key.get(), expiry, root_->certificate.get());
  AddExtension(certificate.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  Check(X509_sign(certificate.get(), root_->key.get(), EVP_sha256()) > 0);
  return {PemOf(certificate.get()), PemOf(key.get())};
}

TestCertificate RsaCertificate(int bits) {
  const Key key(EVP_RSA_gen(static_cast<unsigned int>(bits)));
  const Certificate certificate = MakeCertificate("rsa", key.get(), absl::Now() + absl::Hours(24), nullptr);
  Check(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  return {PemOf(certificate.get()), PemOf(key.get())};
}

std::string WithPassword(const std::string& key) {
  const Bio reader(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  const Key read(PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr));
  const Bio bio(BIO_new(BIO_s_mem()));
  const unsigned char password[] = "password";
  Check(PEM_write_bio_PrivateKey(bio.get(), read.get(), EVP_aes_128_cbc(), password, sizeof(password) - 1, nullptr,
                                 nullptr) == 1);
  return TextOf(bio.get());
}

}  // namespace lossd::testing
