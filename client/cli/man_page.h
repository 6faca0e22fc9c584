// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The manual page.

#ifndef LOSSD_CLIENT_CLI_MAN_PAGE_H_
#define LOSSD_CLIENT_CLI_MAN_PAGE_H_

#include <string>
#include <vector>

#include "client/cli/command_texts.h"

namespace lossd::cli {

// lossctl(1) in roff, for `man -l`, of the program and its commands.
std::string ManPage(const std::vector<CommandText>& commands);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_MAN_PAGE_H_
