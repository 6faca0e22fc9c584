// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads the flags of flag_table.h from arguments, files and the environment.

#ifndef LOSSD_SERVER_SETTINGS_FLAG_PARSER_H_
#define LOSSD_SERVER_SETTINGS_FLAG_PARSER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/settings/flag.h"

namespace lossd {

// Variables of the environment, by name, as they were when the process began; others than LOSSD_... do not count.
using Environment = std::map<std::string, std::string>;

// Reads the settings: first from LOSSD_<FLAG> in the environment (LOSSD_FLAGFILE before the others), then from
// `arguments` (without the program's name), where --flagfile=PATH stands for the arguments in that file, one a line, #
// starting a comment: a regular file of at most 1 MiB, with or without a byte order mark. Later wins. In names - and _
// are the same; -h is --help. The result is not yet validated, but for what only the command line knows: more streams a
// connection than calls are asked for.
//
// INVALID_ARGUMENT on an unknown flag, with the one that was probably meant; an unreadable value; a positional
// argument; a variable that is nearly, but not quite, one of a flag's; and LOSSD_PORT with a bare number. Other
// variables are none of our business: Kubernetes makes some of the names of services (LOSSD_SERVICE_HOST, LOSSD_PORT).
//
// Reads --flagfile on the calling thread, and nothing else of the process: the same arguments give the same result, on
// any thread.
absl::StatusOr<CommandLine> ParseFlags(const std::vector<std::string>& arguments, const Environment& environment);

// The text of --help: every flag with its default and what it is for. Any thread.
std::string HelpText();

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_FLAG_PARSER_H_
