// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/arguments.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Of(std::vector<std::string> arguments) {
  return Normalized(std::move(arguments), {"info", "compute"});
}

TEST(NormalizedTest, TakesUnderscoresForHyphensInNamesOfFlagsAlone) {
  EXPECT_THAT(Of({"compute", "--embed_scale=a_b", "--init_seed", "x_y", "out_1=a_b.npy", "-x_y"}),
              ElementsAre("compute", "--embed-scale=a_b", "--init-seed", "x_y", "out_1=a_b.npy", "-x_y"));
  EXPECT_THAT(Of({"compute", "--", "--a_b"}), ElementsAre("compute", "--", "--a_b"));
}

TEST(NormalizedTest, PutsTheCommandBeforeItsFlags) {
  EXPECT_THAT(Of({"--target", "T", "info"}), ElementsAre("info", "--target", "T"));
  EXPECT_THAT(Of({"--json", "info", "--target=T"}), ElementsAre("info", "--json", "--target=T"));
  EXPECT_THAT(Of({"--version"}), ElementsAre("--version"));
  EXPECT_THAT(Of({"info", "--target", "compute"}), ElementsAre("info", "--target", "compute"));
}

TEST(NormalizedTest, MakesHelpAFlag) {
  EXPECT_THAT(Of({"help"}), ElementsAre("--help"));
  EXPECT_THAT(Of({"help", "info"}), ElementsAre("info", "--help"));
  EXPECT_THAT(Of({}), IsEmpty());
}

}  // namespace
}  // namespace lossd::cli
