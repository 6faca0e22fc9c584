// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The flags that say which server to talk to, and how.

#ifndef LOSSD_CLIENT_CLI_CONNECTION_FLAGS_H_
#define LOSSD_CLIENT_CLI_CONNECTION_FLAGS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/parser_types.h"
#include "client/cpp/client.h"

namespace lossd::cli {

// Flags that every subcommand that talks to a server has. Values are kept as they were typed, and read by Connect or
// Options. Not thread-safe.
class ConnectionFlags {
 public:
  // Adds the flags to `app`, which writes to this while it parses. Once; this outlives the parsing.
  void Declare(CLI::App& app);
  // Connects. A usage error where a flag cannot be read, UNAVAILABLE where there is no server.
  absl::StatusOr<std::unique_ptr<Client>> Connect() const;
  const std::string& target() const { return target_; }
  // The flags as valid options, for connections of another kind. Reads the files that they name. A usage error as from
  // Connect.
  absl::StatusOr<ClientOptions> Options() const;

 private:
  std::string target_ = "localhost:50051";
  std::string timeout_ = "60s";
  std::string connect_timeout_ = "5s";
  int64_t max_message_bytes_ = client::kDefaultMaxMessageBytes;
  bool tls_ = false;
  std::string tls_ca_file_;
  std::string tls_cert_file_;
  std::string tls_key_file_;
  std::string auth_token_file_;
};

// `text` with the options of the client by the names of these flags: "ClientOptions.max_message_bytes" as
// "--max-message-bytes".
std::string InFlags(absl::string_view text);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_CONNECTION_FLAGS_H_
