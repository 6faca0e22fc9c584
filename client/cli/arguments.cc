// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/arguments.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace lossd::cli {
namespace {

void WithHyphens(std::string& argument) {
  if (!absl::StartsWith(argument, "--")) return;
  const auto end = argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
  std::replace(argument.begin(), end, '_', '-');
}

}  // namespace

std::vector<std::string> Normalized(std::vector<std::string> arguments, const std::vector<std::string>& commands) {
  const auto files = std::find(arguments.begin(), arguments.end(), "--");  // What follows it are no flags.
  std::for_each(arguments.begin(), files, WithHyphens);
  if (arguments.empty()) return arguments;
  if (arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  if (!absl::StartsWith(arguments.front(), "--")) return arguments;
  const auto command = std::find_if(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return std::find(commands.begin(), commands.end(), argument) != commands.end();
  });
  if (command != arguments.end()) std::rotate(arguments.begin(), command, command + 1);
  return arguments;
}

}  // namespace lossd::cli
