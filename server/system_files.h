// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the system tells through files.

#ifndef LOSSD_SERVER_SYSTEM_FILES_H_
#define LOSSD_SERVER_SYSTEM_FILES_H_

#include <string>
#include <vector>

namespace lossd {

// The content of a file, such as those under /proc, whose sizes are not known; "" if it cannot be read.
std::string FileText(const std::string& path);

// The numbers of this process's open file descriptors; others may open and close some meanwhile.
std::vector<int> OpenFiles();

}  // namespace lossd

#endif  // LOSSD_SERVER_SYSTEM_FILES_H_
