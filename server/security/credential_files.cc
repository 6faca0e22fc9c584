// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/credential_files.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

std::vector<NamedFile> TlsFiles(const ServerOptions& options) {
  std::vector<NamedFile> files = {{"--tls_cert_file", options.tls_cert_file}, {"--tls_key_file", options.tls_key_file}};
  if (!options.tls_client_ca_file.empty()) files.push_back({"--tls_client_ca_file", options.tls_client_ca_file});
  return files;
}

std::string Text(absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); }

absl::Status Expired(const ServerOptions& options, absl::Time expiry) {
  return absl::InvalidArgumentError(absl::StrCat("--tls_cert_file: expected a certificate that has not expired in \"",
                                                 options.tls_cert_file, "\", got one that did at ", Text(expiry)));
}

void LogRefusal(const absl::Status& status, Logger& logger) {
  logger.Log(LogLevel::kWarning, "kept the credentials before", {{"error", std::string(status.message())}});
}

}  // namespace

CredentialFiles::CredentialFiles(const ServerOptions& options, Clock& clock) : options_(options), clock_(clock) {
  if (!options_.tls_cert_file.empty()) {
    tls_files_.emplace(TlsFiles(options_),
                       [this](const std::vector<std::string>& contents) { return TakeTls(contents); });
  }
  if (!options_.auth_token_file.empty()) {
    token_file_.emplace(std::vector<NamedFile>{{"--auth_token_file", options_.auth_token_file}},
                        [this](const std::vector<std::string>& contents) { return TakeTokens(contents[0]); });
  }
}

absl::StatusOr<std::unique_ptr<CredentialFiles>> CredentialFiles::Load(const ServerOptions& options, Clock& clock) {
  std::unique_ptr<CredentialFiles> files(new CredentialFiles(options, clock));
  if (files->tls_files_.has_value()) LOSSD_RETURN_IF_ERROR(files->tls_files_->Look().status());
  if (files->token_file_.has_value()) LOSSD_RETURN_IF_ERROR(files->token_file_->Look().status());
  return files;
}

absl::Status CredentialFiles::TakeTls(const std::vector<std::string>& contents) {
  TlsIdentity identity{contents[0], contents[1], contents.size() > 2 ? contents[2] : ""};
  LOSSD_ASSIGN_OR_RETURN(const absl::Time expiry, CheckTlsIdentity(identity, options_));
  const absl::Time now = clock_.TimeNow();
  if (expiry <= now && tls_.Get() != nullptr && tls_expiry() > now) return Expired(options_, expiry);
  {
    absl::MutexLock lock(&mu_);
    tls_expiry_ = expiry;
  }
  tls_.Set(std::move(identity));
  return absl::OkStatus();
}

absl::Time CredentialFiles::tls_expiry() const {
  absl::MutexLock lock(&mu_);
  return tls_expiry_;
}

absl::Status CredentialFiles::CheckExpiry() const {
  const absl::Time expiry = tls_expiry();
  return tls() != nullptr && expiry <= clock_.TimeNow() ? Expired(options_, expiry) : absl::OkStatus();
}

void CredentialFiles::WarnOfExpiry(Logger& logger) {
  const absl::Time expiry = tls_expiry();
  const absl::Time now = clock_.TimeNow();
  absl::Time& warned = expiry <= now ? warned_expired_of_ : warned_soon_of_;
  if (expiry - now > kSoon || warned == expiry) return;
  warned = expiry;
  logger.Log(LogLevel::kWarning, expiry <= now ? "the TLS certificate has expired" : "the TLS certificate expires soon",
             {{"file", options_.tls_cert_file}, {"expires", Text(expiry)}});
}

absl::Status CredentialFiles::TakeTokens(absl::string_view text) {
  absl::Status status = tokens_.Replace(text);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("--auth_token_file: ", status.message(), " in \"", options_.auth_token_file, "\""));
}

void CredentialFiles::Reload(Logger& logger) {
  if (tls_files_.has_value()) {
    const absl::StatusOr<bool> changed = tls_files_->Look();
    if (!changed.ok()) LogRefusal(changed.status(), logger);
    if (changed.value_or(false)) {
      logger.Log(LogLevel::kInfo, "new TLS certificate",
                 {{"file", options_.tls_cert_file}, {"expires", Text(tls_expiry())}});
    }
    WarnOfExpiry(logger);
  }
  if (token_file_.has_value()) {
    const absl::StatusOr<bool> changed = token_file_->Look();
    if (!changed.ok()) LogRefusal(changed.status(), logger);
    if (changed.value_or(false)) logger.Log(LogLevel::kInfo, "new tokens", {{"file", options_.auth_token_file}});
  }
}

}  // namespace lossd
