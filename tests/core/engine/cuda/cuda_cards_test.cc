// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/cuda_cards.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(CudaCardsTest, NamesHaveIndices) {
  EXPECT_EQ(CardIndex("cuda"), 0);
  EXPECT_EQ(CardIndex("cuda:0"), 0);
  EXPECT_EQ(CardIndex("cuda:17"), 17);
}

// On a machine without a driver that is the driver, with one the card.
TEST(CudaCardsTest, CardThatIsNotThereIsNotFoundInOneLineThatSaysWhatIsMissing) {
  EXPECT_THAT(FindCard(127), StatusIs(absl::StatusCode::kNotFound, AllOf(StartsWith("no "), Not(HasSubstr("\n")))));
}

}  // namespace
}  // namespace lossd
