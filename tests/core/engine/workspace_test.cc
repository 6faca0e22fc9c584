// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/workspace.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(WorkspaceTest, CutsAlignedArraysThatDoNotOverlap) {
  BufferPool pool(0);
  const Buffer block = pool.Allocate(1024);
  Workspace workspace(block.data());
  double* first = workspace.Take<double>(9);
  float* second = workspace.Take<float>(1);
  float* third = workspace.Take<float>(16);
  EXPECT_EQ(reinterpret_cast<std::byte*>(first), block.data());
  EXPECT_EQ(reinterpret_cast<std::byte*>(second), block.data() + 128);
  EXPECT_EQ(reinterpret_cast<std::byte*>(third), block.data() + 192);
  EXPECT_EQ(workspace.bytes(), 256);
}

TEST(WorkspaceTest, GivesReturnedMemoryAgainAndCountsItOnce) {
  BufferPool pool(0);
  const Buffer block = pool.Allocate(1024);
  Workspace workspace(block.data());
  workspace.Take<float>(16);
  const int64_t position = workspace.position();
  float* const first = workspace.Take<float>(64);
  workspace.ReturnTo(position);
  EXPECT_EQ(workspace.Take<float>(16), first);
  EXPECT_EQ(workspace.bytes(), 64 + 256);
  workspace.Take<float>(64);
  EXPECT_EQ(workspace.bytes(), 128 + 256);
}

TEST(WorkspaceTest, CountsBytesWithoutABlock) {
  Workspace workspace(nullptr);
  EXPECT_EQ(workspace.Take<float>(17), nullptr);
  EXPECT_EQ(workspace.Take<float>(0), nullptr);
  EXPECT_EQ(workspace.bytes(), 128);
}

}  // namespace
}  // namespace lossd
