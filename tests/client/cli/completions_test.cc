// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/completions.h"

#include <cstdlib>
#include <fstream>

#include "client/cli/subcommand.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<CommandText> Commands() {
  return {{"lossctl", "Talks.", "", "", {{{"-h", "--help"}, "", "Print this help", "", ""}}},
          {"info", "Show what a server's", "", "", {{{"--target", "--server"}, "TEXT", "Server", "", ""}}},
          {"load", "Load", "", "inputs", {{{"--stream"}, "", "Stream", "", ""}}}};
}

// What bash has in COMPREPLY, in one line, for these words of which the last is to be completed.
std::string Completed(const std::string& words) {
  const std::string path = ::testing::TempDir() + "/completions_test.bash", out = path + ".out";
  std::ofstream(path) << *CompletionScript("bash", Commands()) << "COMP_WORDS=(lossctl " << words
                      << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_lossctl\necho \"${COMPREPLY[*]}\"\n";
  EXPECT_EQ(std::system(("bash -eu " + path + " >" + out).c_str()), 0);
  std::ifstream file(out);
  std::string line;
  std::getline(file, line);
  return line;
}

TEST(CompletionScriptTest, BashCompletesCommandsAndTheirFlags) {
  EXPECT_EQ(Completed("in"), "info");
  EXPECT_EQ(Completed("info --s"), "--server");
  EXPECT_EQ(Completed("load --"), "--stream");
  EXPECT_EQ(Completed("info x=/et"), "/etc");
}

TEST(CompletionScriptTest, ZshAndFishHaveTheirs) {
  EXPECT_THAT(*CompletionScript("zsh", Commands()), AllOf(HasSubstr("#compdef lossctl"), HasSubstr("bashcompinit")));
  EXPECT_THAT(*CompletionScript("fish", Commands()),
              AllOf(HasSubstr("-a info -d 'Show what a server\\'s'"), HasSubstr("-l target -l server -r -d 'Server'"),
                    HasSubstr("from load' -l stream -d")));
}

TEST(CompletionScriptTest, OtherShellsAreAUsageError) {
  EXPECT_TRUE(IsUsageError(CompletionScript("ed", Commands()).status()));
}

}  // namespace
}  // namespace lossd::cli
