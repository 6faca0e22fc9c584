// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/connection_flags.h"

#include <CLI/App.hpp>
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/subcommand.h"
#include "client/cpp/target_check.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view flag, const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration > absl::ZeroDuration()) return duration;
  return UsageError(absl::StrCat(flag, ": expected a duration such as 500ms or 2m, got '", text, "'"));
}

// The content of a file; empty where no file is named.
absl::StatusOr<std::string> ReadText(absl::string_view flag, const std::string& path) {
  return path.empty() ? std::string() : ReadFlagFile(flag, path);
}

// The PEM text of a file; empty where no file is named.
absl::StatusOr<std::string> ReadPem(absl::string_view flag, const std::string& path) {
  LOSSD_ASSIGN_OR_RETURN(std::string text, ReadText(flag, path));
  if (text.empty() && !path.empty()) {
    return UsageError(absl::StrCat(flag, ": expected PEM text in ", path, ", got an empty file"));
  }
  return text;
}

// The one token of a file; empty where no file is named.
absl::StatusOr<std::string> ReadToken(absl::string_view flag, const std::string& path) {
  LOSSD_ASSIGN_OR_RETURN(const std::string text, ReadText(flag, path));
  const absl::string_view token = absl::StripAsciiWhitespace(text);
  const bool is_token = !token.empty() && std::all_of(token.begin(), token.end(), absl::ascii_isgraph);
  if (is_token || path.empty()) return std::string(token);
  return UsageError(absl::StrCat(flag, ": expected one token of visible ASCII characters in ", path, ", got ",
                                 token.empty() ? "none" : "something else"));
}

}  // namespace

void ConnectionFlags::Declare(CLI::App& app) {
  const std::string group = "Connection";
  app.add_option("--target,--server", target_, "Server: host:port or unix:/path")
      ->envname("LOSSD_TARGET")
      ->capture_default_str()
      ->group(group);
  app.add_option("--timeout", timeout_, "Longest time for a call")->capture_default_str()->group(group);
  app.add_option("--connect-timeout", connect_timeout_, "Longest wait for a connection")
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-message-bytes", max_message_bytes_, "Longest message, sent or received")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--tls", tls_, "Encrypt; implied by the other --tls flags")->group(group);
  app.add_option("--tls-ca-file", tls_ca_file_, "PEM roots to trust instead of the system's")->group(group);
  app.add_option("--tls-cert-file", tls_cert_file_, "PEM certificate chain to show")->group(group);
  app.add_option("--tls-key-file", tls_key_file_, "PEM key of that certificate")->group(group);
  app.add_option("--auth-token-file", auth_token_file_, "File with the bearer token to send")->group(group);
}

absl::StatusOr<ClientOptions> ConnectionFlags::Options() const {
  const absl::Status named = client::CheckTarget(target_);
  if (!named.ok()) return UsageError(absl::StrCat("--", InFlags(named.message())));
  ClientOptions options;
  options.max_message_bytes = max_message_bytes_;
  LOSSD_ASSIGN_OR_RETURN(options.timeout, ParseDuration("--timeout", timeout_));
  LOSSD_ASSIGN_OR_RETURN(options.connect_timeout, ParseDuration("--connect-timeout", connect_timeout_));
  if (tls_cert_file_.empty() != tls_key_file_.empty()) {
    return UsageError(absl::StrCat("--tls-cert-file, --tls-key-file: expected both or none, got --tls-",
                                   tls_key_file_.empty() ? "cert" : "key", "-file alone"));
  }
  client::TlsOptions tls;
  LOSSD_ASSIGN_OR_RETURN(tls.root_certificates, ReadPem("--tls-ca-file", tls_ca_file_));
  LOSSD_ASSIGN_OR_RETURN(tls.certificate_chain, ReadPem("--tls-cert-file", tls_cert_file_));
  LOSSD_ASSIGN_OR_RETURN(tls.private_key, ReadPem("--tls-key-file", tls_key_file_));
  if (tls_ || !tls_ca_file_.empty() || !tls_cert_file_.empty() || !tls_key_file_.empty()) options.tls = std::move(tls);
  LOSSD_ASSIGN_OR_RETURN(options.auth_token, ReadToken("--auth-token-file", auth_token_file_));
  const absl::Status valid = options.Validate();
  return valid.ok() ? absl::StatusOr<ClientOptions>(std::move(options)) : UsageError(InFlags(valid.message()));
}

absl::StatusOr<std::unique_ptr<Client>> ConnectionFlags::Connect() const {
  LOSSD_ASSIGN_OR_RETURN(ClientOptions options, Options());
  return Client::Connect(target_, std::move(options));
}

std::string InFlags(absl::string_view text) {
  constexpr absl::string_view kOptions = "ClientOptions.";
  std::string out;
  for (size_t at = text.find(kOptions); at != absl::string_view::npos; at = text.find(kOptions)) {
    absl::StrAppend(&out, text.substr(0, at), "--");
    text.remove_prefix(at + kOptions.size());
    for (; !text.empty() && (absl::ascii_isalpha(text.front()) || text.front() == '_'); text.remove_prefix(1)) {
      out += text.front() == '_' ? '-' : text.front();
    }
  }
  return absl::StrCat(out, text);
}

}  // namespace lossd::cli
