// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/system_files.h"

#include <dirent.h>

#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"

namespace lossd {

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
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
