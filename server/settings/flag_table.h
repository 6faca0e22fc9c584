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

// Flags that --help shows together.
struct FlagGroup {
  std::string title;
  std::vector<Flag> flags;
};

// In the order of --help.
const std::vector<FlagGroup>& FlagGroups();

// Null if there is none of this name.
const Flag* FindFlag(absl::string_view name);

std::vector<std::string> FlagNames();

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_FLAG_TABLE_H_
