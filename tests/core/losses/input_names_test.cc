// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/input_names.h"

#include "core/status/errors.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::absl::StatusCode;
using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;

std::vector<TensorSpec> Named(std::initializer_list<const char*> names) {
  std::vector<TensorSpec> specs;
  for (const char* name : names) specs.push_back({name, DType::kFloat32, {2}});
  return specs;
}

TEST(FindNumberedInputsTest, OrdersEachFamilyByNumber) {
  ASSERT_OK_AND_ASSIGN(const auto families, FindNumberedInputs(Named({"p.1", "a.0", "p.0"}), {"a", "p"}));
  EXPECT_THAT(families, ElementsAre(ElementsAre(1), ElementsAre(2, 0)));
}

TEST(FindNumberedInputsTest, ReadsNumbersAboveNine) {
  std::vector<TensorSpec> specs;
  for (int i = 11; i >= 0; --i) specs.push_back({"x." + std::to_string(i), DType::kFloat32, {}});
  ASSERT_OK_AND_ASSIGN(const auto families, FindNumberedInputs(specs, {"x"}));
  EXPECT_EQ(families[0][11], 0);
  EXPECT_EQ(families[0][0], 11);
}

TEST(FindNumberedInputsTest, RefusesStrangers) {
  for (const char* name :
       {"foo", "a", "a.", "a.00", "a.01", "a.-0", "a.+1", "a. 1", "a.1x", "A.1", "a.99999999999999999999"}) {
    EXPECT_THAT(
        FindNumberedInputs(Named({"a.0", name}), {"a"}),
        StatusIs(StatusCode::kInvalidArgument, "inputs[" + std::string(name) + "]: unknown input, expected a.0, ..."));
  }
  EXPECT_THAT(FindNumberedInputs(Named({"foo"}), {"a", "p"}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[foo]: unknown input, expected a.0, ... or p.0, ..."));
}

TEST(FindNumberedInputsTest, RefusesGapsAndEmptyFamilies) {
  EXPECT_THAT(FindNumberedInputs(Named({"a.0", "a.2"}), {"a"}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[a.1]: missing, numbers start at 0 without gaps"));
  EXPECT_THAT(FindNumberedInputs(Named({"a.18446744073709551615"}), {"a"}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[a.0]: missing, numbers start at 0 without gaps"));
  EXPECT_THAT(FindNumberedInputs(Named({"a.0"}), {"a", "p"}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[p.0]: missing, expected a tensor of this name"));
  const auto status = FindNumberedInputs({}, {"a"}).status();
  EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument, "inputs[a.0]: missing, expected a tensor of this name"));
  EXPECT_EQ(GetFieldViolation(status)->field, "inputs[a.0]");
}

TEST(FindNamedInputsTest, FindsEachNameOnce) {
  ASSERT_OK_AND_ASSIGN(const auto found, FindNamedInputs(Named({"b", "a"}), {"a", "b"}));
  EXPECT_THAT(found, ElementsAre(1, 0));
}

TEST(FindNamedInputsTest, RefusesMissingAndUnknownNames) {
  EXPECT_THAT(FindNamedInputs(Named({"a"}), {"a", "b"}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[b]: missing, expected a tensor of this name"));
  EXPECT_THAT(FindNamedInputs(Named({"a", "c"}), {"a", "b"}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[c]: unknown input, expected a or b"));
}

TEST(FindComputeDTypeTest, IsDoubleOnlyWhereAllFloatingInputsAre) {
  EXPECT_EQ(*FindComputeDType({}), DType::kFloat32);
  EXPECT_EQ(*FindComputeDType({{"a", DType::kInt64, {}}}), DType::kFloat32);
  EXPECT_EQ(*FindComputeDType({{"a", DType::kFloat16, {}}, {"b", DType::kFloat32, {}}}), DType::kFloat32);
  EXPECT_EQ(*FindComputeDType({{"a", DType::kUint8, {}}, {"b", DType::kFloat64, {}}}), DType::kFloat64);
  EXPECT_THAT(FindComputeDType({{"a", DType::kFloat64, {}}, {"b", DType::kBFloat16, {}}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "inputs[b].dtype: FLOAT64 cannot be mixed with narrower types, got BFLOAT16 beside FLOAT64 of "
                       "inputs[a]"));
}

TEST(CheckFloatingTest, RefusesIntegers) {
  EXPECT_OK(CheckFloating({{"a", DType::kFloat16, {}}}));
  EXPECT_THAT(CheckFloating({{"a", DType::kInt32, {}}}),
              StatusIs(StatusCode::kInvalidArgument, "inputs[a].dtype: expected a floating type, got INT32"));
}

}  // namespace
}  // namespace lossd
