// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What files may be called.

#ifndef LOSSD_CLIENT_CLI_FILE_NAME_H_
#define LOSSD_CLIENT_CLI_FILE_NAME_H_

#include "absl/strings/string_view.h"

namespace lossd::cli {

// Whether a file may be called so wherever it is put: not empty, "." or "..", no separator of paths, no control
// character.
bool IsFileName(absl::string_view name);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_FILE_NAME_H_
