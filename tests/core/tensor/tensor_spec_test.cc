// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/tensor_spec.h"

#include <cstdint>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(TensorSpecTest, ScalarHasOneElement) {
  EXPECT_EQ(ElementCount({}), 1);
  EXPECT_EQ(CheckedByteSize(DType::kFloat64, {}).value(), 8);
}

TEST(TensorSpecTest, ByteSizeIsProductTimesElementSize) {
  EXPECT_EQ(CheckedByteSize(DType::kFloat16, {3, 5, 2, 2}).value(), 120);
  EXPECT_EQ(ByteSize({"x", DType::kInt64, {3, 5}}), 120);
  EXPECT_EQ(CheckedByteSize(DType::kUint8, {kMax}).value(), kMax);
}

TEST(TensorSpecTest, RefusesOverflowAlsoBesideAZeroExtent) {
  EXPECT_THAT(CheckedByteSize(DType::kFloat32, {kMax, 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("below 2^63")));
  EXPECT_THAT(CheckedByteSize(DType::kUint8, {int64_t{1} << 32, 0, int64_t{1} << 32}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("below 2^63")));
  EXPECT_EQ(CheckedByteSize(DType::kUint8, {kMax, 0}).value(), 0);
}

TEST(TensorSpecTest, RefusesNegativeExtentsAndMissingDtype) {
  EXPECT_THAT(CheckedByteSize(DType::kFloat32, {2, -1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got [2, -1]")));
  EXPECT_THAT(CheckedByteSize(DType::kUnspecified, {2}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dtype")));
}

TEST(TensorSpecTest, ShapesReadLikePythonLists) {
  EXPECT_EQ(ShapeText({8, 128}), "[8, 128]");
  EXPECT_EQ(ShapeText({}), "[]");
}

}  // namespace
}  // namespace lossd
