// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/dtype.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr DType kAll[] = {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64,
                          DType::kInt32,   DType::kInt64,   DType::kUint8};

TEST(DTypeTest, SizesAreThoseOfTheNames) {
  EXPECT_EQ(SizeOf(DType::kUnspecified), 0u);
  for (DType dtype : kAll) {
    const absl::string_view name = DTypeName(dtype);
    const size_t bits = name.find("64") != name.npos   ? 64
                        : name.find("32") != name.npos ? 32
                        : name == "UINT8"              ? 8
                                                       : 16;
    EXPECT_EQ(SizeOf(dtype) * 8, bits) << name;
    EXPECT_EQ(IsFloating(dtype), name.find("FLOAT") != name.npos) << name;
  }
}

TEST(DTypeTest, OnlySixteenBitTypesAreStoredWider) {
  for (DType dtype : kAll) {
    EXPECT_EQ(IsHalf(dtype), IsFloating(dtype) && SizeOf(dtype) == 2) << DTypeName(dtype);
    EXPECT_EQ(StorageDType(dtype), IsHalf(dtype) ? DType::kFloat32 : dtype) << DTypeName(dtype);
  }
}

}  // namespace
}  // namespace lossd
