// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/process/build_info.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(BuildInfoTest, NamesTheProgramTheVersionAndTheSources) {
  EXPECT_EQ(VersionText("lossd"), absl::StrCat("lossd ", LOSSD_PROJECT_VERSION, " (", kBuildRevision, ")"));
  EXPECT_STRNE(kBuildRevision, "");
}

}  // namespace
}  // namespace lossd
