// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/man_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace lossd::cli {
namespace {

// Text that roff takes as it stands. A line of it begins no request.
std::string Roff(absl::string_view text) {
  std::string out;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::string escaped = absl::StrReplaceAll(line, {{"\\", "\\e"}, {"-", "\\-"}});
    const bool is_request = absl::StartsWith(escaped, ".") || absl::StartsWith(escaped, "'");
    absl::StrAppend(&out, out.empty() ? "" : "\n", is_request ? "\\&" : "", escaped);
  }
  return out;
}

std::string FlagEntry(const FlagText& flag) {
  std::string entry = absl::StrCat(".TP\n.B ", Roff(absl::StrJoin(flag.names, ", ")));
  if (!flag.value.empty()) absl::StrAppend(&entry, " \\fI", Roff(flag.value), "\\fR");
  absl::StrAppend(&entry, "\n", Roff(flag.description), "\n");
  if (!flag.fallback.empty()) absl::StrAppend(&entry, "Default: ", Roff(flag.fallback), ".\n");
  return entry;
}

std::string CommandEntry(const CommandText& command) {
  std::string entry =
      absl::StrCat(".SH \"", absl::AsciiStrToUpper(command.name), "\"\n", Roff(command.description), "\n");
  if (!command.operands.empty()) absl::StrAppend(&entry, ".PP\n", Roff(command.operands), ".\n");
  std::string group;
  for (const FlagText& flag : command.flags) {
    if (flag.group != group) absl::StrAppend(&entry, ".SS \"", Roff(flag.group), "\"\n");
    group = flag.group;
    absl::StrAppend(&entry, FlagEntry(flag));
  }
  if (!command.footer.empty()) absl::StrAppend(&entry, ".PP\n.nf\n", Roff(command.footer), "\n.fi\n");
  return entry;
}

}  // namespace

std::string ManPage(const std::vector<CommandText>& commands) {
  const CommandText& program = commands.front();
  std::string page = absl::StrCat(".TH LOSSCTL 1\n.SH NAME\n", program.name, " \\- client of lossd\n.SH SYNOPSIS\n");
  for (size_t i = 1; i < commands.size(); ++i) {
    absl::StrAppend(&page, ".B ", program.name, " ", commands[i].name, "\n[flags]",
                    commands[i].operands.empty() ? "" : " [inputs]", "\n.br\n");
  }
  absl::StrAppend(&page, ".SH DESCRIPTION\n", Roff(program.description), "\n");
  for (size_t i = 1; i < commands.size(); ++i) absl::StrAppend(&page, CommandEntry(commands[i]));
  absl::StrAppend(&page, ".SH EXIT STATUS\n0: done. 1: failed. 2: wrong usage. 130: interrupted.\n");
  return page;
}

}  // namespace lossd::cli
