// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/port_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lossd {

absl::Status WritePortFile(const std::string& path, const ServerAddresses& addresses) {
  nlohmann::ordered_json json;
  json["listen"] = addresses.listen;
  json["admin_listen"] = addresses.admin_listen;
  json["http_listen"] = addresses.http_listen;
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  std::ofstream file(temporary);
  file << json.dump() << "\n";
  file.close();
  if (file && std::rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const std::string reason = std::strerror(errno);
  std::remove(temporary.c_str());
  return absl::FailedPreconditionError(absl::StrCat("--port_file: cannot write ", path, ": ", reason));
}

absl::StatusOr<ServerAddresses> ReadPortFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("--port_file: cannot read ", path));
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  ServerAddresses addresses;
  try {
    json.at("listen").get_to(addresses.listen);
    json.at("admin_listen").get_to(addresses.admin_listen);
    json.at("http_listen").get_to(addresses.http_listen);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a port file, got: ", error.what()));
  }
  return addresses;
}

}  // namespace lossd
