// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The command line: Abseil flags by the names of ServerOptions' fields, and a few actions.

#ifndef LOSSD_SERVER_FLAGS_H_
#define LOSSD_SERVER_FLAGS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/options.h"

namespace lossd {

// Flags that --help shows together.
struct FlagGroup {
  std::string title;
  std::vector<std::string> flags;
};

// Every flag of ours, in the order of --help.
const std::vector<FlagGroup>& FlagGroups();

// What the process is asked to do instead of serving.
enum class Action { kServe, kHelp, kVersion, kValidateConfig, kHealthcheck };

// Looks up an environment variable.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Sets the flags: first from LOSSD_<FLAG> in the environment (LOSSD_FLAGFILE before the others), then from `arguments`
// (without the program's name), where --flagfile=PATH stands for the arguments in that file, one a line, # starting a
// comment. Later wins. Fails with INVALID_ARGUMENT on an unknown flag, an unreadable value, or a positional argument.
// Not thread-safe.
absl::Status ParseFlags(const std::vector<std::string>& arguments, const Environment& environment);

// What the flags say. Call ParseFlags first; the result is not yet validated.
ServerOptions OptionsFromFlags();
Action ActionFromFlags();

// The text of --help.
std::string HelpText();

}  // namespace lossd

#endif  // LOSSD_SERVER_FLAGS_H_
