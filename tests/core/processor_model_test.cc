// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/processor_model.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(ProcessorModelTest, IsOneLineOfText) {
  const std::string model = ProcessorModel();
  EXPECT_FALSE(model.empty());
  EXPECT_EQ(model.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace lossd
