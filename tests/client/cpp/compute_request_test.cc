// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/compute_request.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

TEST(InputTensorTest, BorrowsWithoutCopying) {
  const std::vector<double> x = {1, 2, 3, 4};
  const InputTensor input = InputTensor::Borrow<double>("x.0", {2, 2}, x);
  EXPECT_EQ(input.spec, (TensorSpec{"x.0", DType::kFloat64, {2, 2}}));
  EXPECT_EQ(static_cast<const void*>(input.bytes.data()), x.data());
  EXPECT_EQ(input.bytes.size(), 32u);
  EXPECT_EQ(input.owner, nullptr);
}

TEST(InputTensorTest, KnowsTheDTypeOfElements) {
  EXPECT_EQ(DTypeOf<float>(), DType::kFloat32);
  EXPECT_EQ(DTypeOf<int32_t>(), DType::kInt32);
  EXPECT_EQ(DTypeOf<int64_t>(), DType::kInt64);
  EXPECT_EQ(DTypeOf<uint8_t>(), DType::kUint8);
  EXPECT_EQ(DTypeOf<char>(), DType::kUnspecified);
}

TEST(InputTensorTest, SharesTensors) {
  BufferPool pool(0);
  InputTensor input;
  {
    const Tensor tensor({"z", DType::kFloat32, {2}}, pool.Allocate(8));
    tensor.elements<float>()[1] = 7;
    input = InputTensor::Share(tensor);
    EXPECT_EQ(input.bytes.data(), tensor.bytes());
  }
  ASSERT_NE(input.owner, nullptr);
  EXPECT_EQ(reinterpret_cast<const float*>(input.bytes.data())[1], 7);
}

}  // namespace
}  // namespace lossd::client
