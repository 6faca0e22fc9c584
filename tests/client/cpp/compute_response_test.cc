// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/compute_response.h"

#include <array>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

using ::testing::ElementsAre;

TEST(ResultTensorTest, RefersToItsBufferOrToTheCallersMemory) {
  BufferPool pool(0);
  Buffer buffer = pool.Allocate(8);
  const std::byte* const place = buffer.data();
  EXPECT_EQ(ResultTensor({"z", DType::kFloat32, {2}}, buffer).bytes().data(), place);
  std::array<float, 2> memory = {1, 2};
  const ResultTensor borrowed({"z", DType::kFloat32, {2}}, reinterpret_cast<std::byte*>(memory.data()));
  EXPECT_THAT(borrowed.elements<float>(), ElementsAre(1, 2));
  EXPECT_EQ(borrowed.bytes().size(), 8u);
}

TEST(ComputeResponseTest, FindsTensorsByName) {
  std::array<float, 1> memory = {3};
  auto* const bytes = reinterpret_cast<std::byte*>(memory.data());
  ComputeResponse response;
  response.outputs.emplace_back(TensorSpec{"loss", DType::kFloat32, {}}, bytes);
  response.gradients.emplace_back(TensorSpec{"z", DType::kFloat32, {1}}, bytes);
  EXPECT_EQ(response.output("loss"), &response.outputs[0]);
  EXPECT_EQ(response.output("z"), nullptr);
  EXPECT_EQ(response.gradient("z"), &response.gradients[0]);
}

}  // namespace
}  // namespace lossd::client
