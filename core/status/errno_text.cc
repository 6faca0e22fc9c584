// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/errno_text.h"

#include <cerrno>
#include <cstring>

namespace lossd {

std::string ErrnoText(int error) {
  const int before = errno;
  char buffer[64];
  std::string text = strerror_r(error, buffer, sizeof(buffer));  // GNU's: it says where the text is.
  errno = before;
  return text;
}

}  // namespace lossd
