// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the system's error numbers mean, for an error's text.

#ifndef LOSSD_CORE_STATUS_ERRNO_TEXT_H_
#define LOSSD_CORE_STATUS_ERRNO_TEXT_H_

#include <string>

namespace lossd {

// What a value of errno means: "No such file or directory" for ENOENT, "Unknown error 12345" for one that there is not.
// Thread-safe, which strerror is not, nor what libstdc++ makes of it in std::generic_category. Leaves errno as it is.
std::string ErrnoText(int error);

}  // namespace lossd

#endif  // LOSSD_CORE_STATUS_ERRNO_TEXT_H_
