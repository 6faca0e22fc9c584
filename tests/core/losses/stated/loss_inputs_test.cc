// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/loss_inputs.h"

#include <string>
#include <vector>

#include "core/losses/loss_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

const LossDescription& Description() {
  static const auto* const description = new LossDescription(Describe(InfoNceConfig{}));
  return *description;
}

TEST(LossInputsTest, FindsInputsFamiliesAndExtents) {
  const std::vector<TensorSpec> specs = {{"negative.1", DType::kFloat32, {4, 8}},
                                         {"key", DType::kFloat16, {2, 8}},
                                         {"negative.0", DType::kFloat32, {3, 8}},
                                         {"query", DType::kFloat32, {2, 8}}};
  ASSERT_OK_AND_ASSIGN(const LossInputs inputs, LossInputs::Find(Description(), specs));
  EXPECT_EQ(inputs.IndexOf("query"), 3);
  EXPECT_FALSE(inputs.Has("guide.query"));
  EXPECT_THAT(inputs.Family("negative"), ElementsAre(2, 0));
  EXPECT_EQ(inputs.ExtentOf("N"), 2);
  EXPECT_EQ(inputs.ExtentOf("D"), 8);
  EXPECT_EQ(inputs.PartOf("key").count, 2);
  EXPECT_EQ(inputs.compute_dtype(), DType::kFloat32);
  EXPECT_TRUE(inputs.IsOf(0, "negative.*"));
  EXPECT_FALSE(inputs.IsOf(3, "negative.*"));
}

TEST(LossInputsTest, NamesWhatIsWrong) {
  const TensorSpec query = {"query", DType::kFloat32, {2, 8}};
  const TensorSpec key = {"key", DType::kFloat32, {2, 8}};
  const auto find = [&](const std::vector<TensorSpec>& specs) {
    return LossInputs::Find(Description(), specs).status();
  };
  EXPECT_THAT(find({query}), StatusIs(kInvalid, "inputs[key]: missing, expected a tensor of this name"));
  EXPECT_THAT(find({query, key, {"keys", DType::kFloat32, {2, 8}}}),
              StatusIs(kInvalid, HasSubstr("inputs[keys]: unknown input, expected query or key or negative.0, ...")));
  EXPECT_THAT(find({query, {"key", DType::kFloat64, {2, 8}}}), StatusIs(kInvalid, HasSubstr("inputs[key].dtype")));
  EXPECT_THAT(find({query, {"key", DType::kUint8, {2, 8}}}),
              StatusIs(kInvalid, "inputs[key].dtype: expected a floating type, got UINT8"));
  EXPECT_THAT(find({query, {"key", DType::kFloat32, {2, 0}}}),
              StatusIs(kInvalid, "inputs[key].shape: expected [N, D] with extents above 0, got [2, 0]"));
  EXPECT_THAT(find({query, {"key", DType::kFloat32, {3, 8}}}),
              StatusIs(kInvalid, "inputs[key].shape: expected [2, 8] like inputs[query], got [3, 8]"));
  EXPECT_THAT(
      find({query, key, {"guide.query", DType::kFloat32, {3, 5}}}),
      StatusIs(kInvalid, "inputs[guide.query].shape: expected [N, G] with N = 2 as in inputs[query], got [3, 5]"));
}

}  // namespace
}  // namespace lossd
