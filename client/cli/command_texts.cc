// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/command_texts.h"

#include <CLI/App.hpp>

#include "absl/strings/str_cat.h"

namespace lossd::cli {
namespace {

FlagText Describe(const CLI::Option& option) {
  FlagText flag;
  for (const std::string& name : option.get_snames()) flag.names.push_back(absl::StrCat("-", name));
  for (const std::string& name : option.get_lnames()) flag.names.push_back(absl::StrCat("--", name));
  if (option.get_items_expected_max() > 0)
    flag.value = option.get_type_name().empty() ? "VALUE" : option.get_type_name();
  flag.description = option.get_description();
  flag.group = option.get_group();
  flag.fallback = option.get_default_str();
  return flag;
}

CommandText Describe(const CLI::App& app) {
  CommandText command{app.get_name(), app.get_description(), app.get_footer(), "", {}};
  for (const CLI::Option* const option : app.get_options()) {
    if (option->nonpositional()) {
      command.flags.push_back(Describe(*option));
    } else {
      command.operands = option->get_description();
    }
  }
  return command;
}

}  // namespace

std::vector<CommandText> DescribeCommands(const CLI::App& app) {
  std::vector<CommandText> commands = {Describe(app)};
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(Describe(*command));
  }
  return commands;
}

}  // namespace lossd::cli
