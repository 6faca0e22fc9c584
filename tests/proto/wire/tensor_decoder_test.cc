// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/tensor_decoder.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

class TensorDecoderTest : public ::testing::Test {
 protected:
  // The slices may die after Add: what is kept are places.
  absl::Status Add(const std::string& tensor) { return decoder_.Add(Reader(Cut(tensor, 5))); }

  HeaderBudget budget_;
  TensorDecoder decoder_{"gradients", 2, &budget_};
};

TEST_F(TensorDecoderTest, KeepsTheLastOfRepeatedFieldsAndJoinsShapes) {
  ASSERT_OK(Add(TensorBytes("first", 1, {2}, "superseded payload") + TensorBytes("last", 7, {3}, "abcdef")));
  const TensorTable table = std::move(decoder_).Take();
  ASSERT_EQ(table.specs.size(), 1u);
  EXPECT_EQ(table.specs[0], (TensorSpec{"last", DType::kUint8, {2, 3}}));
  EXPECT_EQ(table.payloads[0].length, 6);
}

TEST_F(TensorDecoderTest, ReadsEveryDTypeAsTheCoresOwn) {
  for (int dtype = v1::Dtype_MIN + 1; dtype <= v1::Dtype_MAX; ++dtype) {
    HeaderBudget budget;
    TensorDecoder decoder("inputs", 1, &budget);
    const auto slices = Cut(TensorBytes("a", dtype, {0}, ""), 5);
    ASSERT_OK(decoder.Add(Reader(slices)));
    const TensorTable table = std::move(decoder).Take();
    EXPECT_EQ("DTYPE_" + std::string(DTypeName(table.specs[0].dtype)), v1::Dtype_Name(dtype));
  }
}

TEST_F(TensorDecoderTest, TakesATensorWithoutElements) {
  EXPECT_OK(Add(TensorBytes("a", 1, {0, 5}, "")));
  EXPECT_OK(Add(BytesField(1, "b") + VarintField(2, 1) + BytesField(3, std::string(1, '\0'))));
}

TEST_F(TensorDecoderTest, TakesAScalar) { EXPECT_OK(Add(TensorBytes("a", 1, {}, "1234"))); }

TEST_F(TensorDecoderTest, SaysWhichLengthThePayloadShouldHave) {
  EXPECT_THAT(Add(TensorBytes("x", 1, {8, 128}, "12345")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "gradients[x].data: expected 4096 bytes for FLOAT32 [8, 128], got 5"));
}

TEST_F(TensorDecoderTest, SaysWhichNameWasThereBefore) {
  ASSERT_OK(Add(TensorBytes("x", 7, {1}, "a")));
  EXPECT_THAT(Add(TensorBytes("x", 7, {1}, "a")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "gradients[1].name: expected distinct names, got \"x\" as in gradients[0]"));
}

TEST_F(TensorDecoderTest, RefusesMoreTensorsThanItIsFor) {
  ASSERT_OK(Add(TensorBytes("a", 7, {1}, "a")));
  ASSERT_OK(Add(TensorBytes("b", 7, {1}, "a")));
  EXPECT_THAT(Add(TensorBytes("c", 7, {1}, "a")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected at most 2 tensors")));
}

TEST_F(TensorDecoderTest, ChargesAllButPayloads) {
  const std::string unknown(4'194'000, 'u');
  ASSERT_OK(Add(TensorBytes("a", 7, {8 << 20}, std::string(8 << 20, 'p')) + BytesField(9, unknown)));
  EXPECT_THAT(Add(TensorBytes("b", 7, {1}, "a") + BytesField(9, std::string(300, 'u'))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("outside Tensor.data")));
}

}  // namespace
}  // namespace lossd::wire
