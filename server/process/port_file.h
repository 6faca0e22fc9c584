// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The file that tells where a server listens.

#ifndef LOSSD_SERVER_PROCESS_PORT_FILE_H_
#define LOSSD_SERVER_PROCESS_PORT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lossd {

// Addresses in use, with their ports, in the order of the flags of these names.
struct ServerAddresses {
  std::vector<std::string> listen;
  std::vector<std::string> admin_listen;
  std::vector<std::string> http_listen;
};

// Writes {"listen": [...], "admin_listen": [...], "http_listen": [...]} to a temporary file beside `path` and renames
// it, so that a reader sees nothing or everything; follows no symbolic link. FAILED_PRECONDITION, naming --port_file,
// if that fails; nothing is left behind then. Blocks on the file system. Not by two threads at once
// for one path: the temporary file bears the process's number alone.
absl::Status WritePortFile(const std::string& path, const ServerAddresses& addresses);

// Reads it. NOT_FOUND if there is no such file, INVALID_ARGUMENT if it is something else. That it is there does not say
// that the server still lives: nobody removes it. Any thread or process may read, also while it is written.
absl::StatusOr<ServerAddresses> ReadPortFile(const std::string& path);

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_PORT_FILE_H_
