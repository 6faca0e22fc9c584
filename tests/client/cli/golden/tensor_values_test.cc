// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/tensor_values.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;

template <typename T>
std::vector<double> Values(DType dtype, const std::vector<T>& elements) {
  return ToDoubles({"x", dtype, {static_cast<int64_t>(elements.size())}},
                   {reinterpret_cast<const std::byte*>(elements.data()), elements.size() * sizeof(T)});
}

TEST(ToDoublesTest, ReadsEveryDType) {
  EXPECT_THAT(Values<float>(DType::kFloat32, {0.5f, -2}), ElementsAre(0.5, -2));
  EXPECT_THAT(Values<double>(DType::kFloat64, {1e-300}), ElementsAre(1e-300));
  EXPECT_THAT(Values<uint16_t>(DType::kFloat16, {0x3c00, 0xc000}), ElementsAre(1, -2));
  EXPECT_THAT(Values<uint16_t>(DType::kBFloat16, {0x3f80, 0xc000}), ElementsAre(1, -2));
  EXPECT_THAT(Values<int32_t>(DType::kInt32, {-7}), ElementsAre(-7));
  EXPECT_THAT(Values<int64_t>(DType::kInt64, {int64_t{1} << 40}), ElementsAre(1099511627776.0));
  EXPECT_THAT(Values<uint8_t>(DType::kUint8, {255}), ElementsAre(255));
}

TEST(NormsOfTest, LeavesOutWhatIsNotFinite) {
  const TensorNorms norms = NormsOf({3, -4, NAN, INFINITY});
  EXPECT_EQ(norms.l2, 5);
  EXPECT_EQ(norms.max_abs, 4);
  EXPECT_EQ(norms.nonfinite, 2);
}

}  // namespace
}  // namespace lossd::cli
