// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/completions.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {
namespace {

std::string Flags(const CommandText& command) {
  std::vector<std::string> names;
  for (const FlagText& flag : command.flags) names.insert(names.end(), flag.names.begin(), flag.names.end());
  return absl::StrJoin(names, " ");
}

std::string Names(const std::vector<CommandText>& commands) {
  return absl::StrJoin(commands.begin() + 1, commands.end(), " ",
                       [](std::string* out, const CommandText& command) { out->append(command.name); });
}

std::string Bash(const std::vector<CommandText>& commands) {
  std::string cases;
  for (size_t i = 1; i < commands.size(); ++i) {
    absl::StrAppend(&cases, "    ", commands[i].name, ") words='", Flags(commands[i]), "' ;;\n");
  }
  return absl::StrCat("# bash completion of lossctl: source it, or put it into a folder of completions.\n",
                      "_lossctl() {\n  local words current=${COMP_WORDS[COMP_CWORD]}\n",
                      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    mapfile -t COMPREPLY < <(compgen -W '",
                      Names(commands), " ", Flags(commands.front()),
                      "' -- \"$current\")\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n", cases,
                      "    *) return ;;\n  esac\n  case $current in\n",
                      "    -*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n",
                      "    *) mapfile -t COMPREPLY < <(compgen -f -- \"${current#*=}\") ;;\n  esac\n}\n",
                      "complete -o filenames -F _lossctl lossctl\n");
}

std::string Zsh(const std::vector<CommandText>& commands) {
  return absl::StrCat("#compdef lossctl\n# zsh completion of lossctl, by that of bash.\n",
                      "autoload -U +X bashcompinit && bashcompinit\n", Bash(commands));
}

// The first line of a description in fish's quotes.
std::string Quoted(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  return absl::StrCat("'", absl::StrReplaceAll(line, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string Fish(const std::vector<CommandText>& commands) {
  std::string script = "# fish completion of lossctl.\n";
  for (size_t i = 1; i < commands.size(); ++i) {
    absl::StrAppend(&script, "complete -c lossctl -n __fish_use_subcommand -a ", commands[i].name, " -d ",
                    Quoted(commands[i].description), "\n");
    for (const FlagText& flag : commands[i].flags) {
      absl::StrAppend(&script, "complete -c lossctl -n '__fish_seen_subcommand_from ", commands[i].name, "'");
      for (const std::string& name : flag.names) {
        absl::StrAppend(&script, name[1] == '-' ? " -l " : " -s ", name.substr(name[1] == '-' ? 2 : 1));
      }
      absl::StrAppend(&script, flag.value.empty() ? "" : " -r", " -d ", Quoted(flag.description), "\n");
    }
  }
  return script;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(const std::string& shell, const std::vector<CommandText>& commands) {
  if (shell == "bash") return Bash(commands);
  if (shell == "zsh") return Zsh(commands);
  if (shell == "fish") return Fish(commands);
  return UsageError(absl::StrCat("shell: expected bash, zsh or fish, got '", shell, "'"));
}

}  // namespace lossd::cli
