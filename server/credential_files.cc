// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/credential_files.h"

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

void LogRefusal(const absl::Status& status, Logger& logger) {
  logger.Log(LogLevel::kWarning, "kept the credentials before", {{"error", std::string(status.message())}});
}

}  // namespace

CredentialFiles::CredentialFiles(const ServerOptions& options) : options_(options) {
  if (!options_.tls_cert_file.empty()) {
    tls_files_.emplace(TlsFiles(options_),
                       [this](const std::vector<std::string>& contents) { return TakeTls(contents); });
  }
  if (!options_.auth_token_file.empty()) {
    token_file_.emplace(std::vector<NamedFile>{{"--auth_token_file", options_.auth_token_file}},
                        [this](const std::vector<std::string>& contents) { return TakeTokens(contents[0]); });
  }
}

absl::StatusOr<std::unique_ptr<CredentialFiles>> CredentialFiles::Load(const ServerOptions& options) {
  std::unique_ptr<CredentialFiles> files(new CredentialFiles(options));
  if (files->tls_files_.has_value()) LOSSD_RETURN_IF_ERROR(files->tls_files_->Look().status());
  if (files->token_file_.has_value()) LOSSD_RETURN_IF_ERROR(files->token_file_->Look().status());
  return files;
}

absl::Status CredentialFiles::TakeTls(const std::vector<std::string>& contents) {
  TlsIdentity identity{contents[0], contents[1], contents.size() > 2 ? contents[2] : ""};
  LOSSD_ASSIGN_OR_RETURN(tls_expiry_, CheckTlsIdentity(identity, options_));
  tls_.Set(std::move(identity));
  return absl::OkStatus();
}

absl::Status CredentialFiles::TakeTokens(absl::string_view text) {
  const absl::Status status = tokens_.Replace(text);
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
                 {{"file", options_.tls_cert_file}, {"expires", absl::FormatTime(tls_expiry_, absl::UTCTimeZone())}});
    }
  }
  if (token_file_.has_value()) {
    const absl::StatusOr<bool> changed = token_file_->Look();
    if (!changed.ok()) LogRefusal(changed.status(), logger);
    if (changed.value_or(false)) logger.Log(LogLevel::kInfo, "new tokens", {{"file", options_.auth_token_file}});
  }
}

}  // namespace lossd
