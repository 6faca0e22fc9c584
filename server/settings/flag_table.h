// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Every flag of lossd: the one place to add one. Parser, help, checks and /configz go by it.

#ifndef LOSSD_SERVER_SETTINGS_FLAG_TABLE_H_
#define LOSSD_SERVER_SETTINGS_FLAG_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/settings/flag.h"

namespace lossd {

// Flags that --help shows together, in its order. To add one: a line in flag_table.cc, its member in ServerOptions, and
// a line in docs/reference.md, which a test compares.
struct FlagGroup {
  std::string title;
  std::vector<Flag> flags;
};

// In the order of --help.
const std::vector<FlagGroup>& FlagGroups();

// The flag of this name, with _ and no dashes, which lives as long as the process; null if there is none. Looks through
// all of them.
const Flag* FindFlag(absl::string_view name);

// All of them, switches too, in the order of --help.
std::vector<std::string> FlagNames();

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_FLAG_TABLE_H_
