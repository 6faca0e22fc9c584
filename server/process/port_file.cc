// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/port_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/status/errno_text.h"
#include "nlohmann/json.hpp"

namespace lossd {
namespace {

// Why `path` must not be replaced, "" if it may be: what is no file, as /dev/stdout, others may need.
std::string WhyNotReplaced(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return "";
  return S_ISLNK(status.st_mode) ? "expected a file or nothing there, got a symbolic link"
                                 : "expected a file or nothing there, got a device, a pipe or a socket";
}

// Writes a file that was not there; why that failed, "" if it did not. What a process of our number has left behind is
// removed, and no link is followed, which others may plant where they can write too.
std::string WriteNewFile(const std::string& path, absl::string_view text) {
  std::remove(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoText(errno);
  const absl::Cleanup close_file = [fd] { close(fd); };
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return ErrnoText(errno);
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return "";
}

}  // namespace

absl::Status WritePortFile(const std::string& path, const ServerAddresses& addresses) {
  nlohmann::ordered_json json;
  json["listen"] = addresses.listen;
  json["admin_listen"] = addresses.admin_listen;
  json["http_listen"] = addresses.http_listen;
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  std::string reason = WhyNotReplaced(path);
  if (reason.empty()) reason = WriteNewFile(temporary, json.dump() + "\n");
  if (reason.empty() && std::rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  if (reason.empty()) reason = ErrnoText(errno);
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
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError(
        absl::StrCat("--port_file: expected JSON with the lists listen, admin_listen and http_listen in ", path,
                     ", got ", json.is_discarded() ? "no JSON" : "other JSON"));
  }
  return addresses;
}

}  // namespace lossd
