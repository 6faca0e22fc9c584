// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/system_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/status/errno_text.h"

namespace lossd {
namespace {

absl::Status SystemError() { return absl::InvalidArgumentError(ErrnoText(errno)); }

}  // namespace

std::string FileTextOrEmpty(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

absl::StatusOr<std::string> ReadRegularFile(const std::string& path, size_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError();
  const absl::Cleanup close_file = [fd] { close(fd); };
  struct stat properties {};
  if (fstat(fd, &properties) != 0) return SystemError();
  if (!S_ISREG(properties.st_mode)) return absl::InvalidArgumentError("it is no regular file");
  std::string text;
  char buffer[4096];
  while (text.size() <= max_bytes) {
    const ssize_t bytes = read(fd, buffer, sizeof(buffer));
    if (bytes == 0) return text;
    if (bytes > 0) {
      text.append(buffer, static_cast<size_t>(bytes));
    } else if (errno != EINTR) {
      return SystemError();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("it has more than ", max_bytes, " bytes"));
}

std::vector<int> OpenFiles() {
  std::vector<int> files;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return files;
  while (const dirent* entry = readdir(directory)) {
    int fd = 0;
    if (absl::SimpleAtoi(entry->d_name, &fd) && fd != dirfd(directory)) files.push_back(fd);
  }
  closedir(directory);
  return files;
}

}  // namespace lossd
