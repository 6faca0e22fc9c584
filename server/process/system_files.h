// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the system tells through files.

#ifndef LOSSD_SERVER_PROCESS_SYSTEM_FILES_H_
#define LOSSD_SERVER_PROCESS_SYSTEM_FILES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lossd {

// The content of a file, such as those under /proc, whose sizes are not known; "" if it cannot be read. All of it,
// however long: for files that we know.
std::string FileTextOrEmpty(const std::string& path);

// The content of a regular file of at most `max_bytes`, by way of symbolic links too. INVALID_ARGUMENT, with the reason
// alone, if there is none or it cannot be read. Waits for nobody, as reading a pipe would.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path, size_t max_bytes);

// The numbers of this process's open file descriptors; others may open and close some meanwhile.
std::vector<int> OpenFiles();

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_SYSTEM_FILES_H_
