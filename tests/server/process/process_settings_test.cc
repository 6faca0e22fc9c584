// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/process_settings.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// Of this process, from /proc/self/statm.
size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t all = 0;
  size_t resident = 0;
  statm >> all >> resident;
  return resident * 4096;
}

constexpr size_t kBlock = size_t{32} << 10;  // As the transport takes them.
constexpr size_t kBlocks = 4096;

std::vector<std::unique_ptr<char[]>> MakeBlocks() {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks.push_back(std::make_unique<char[]>(kBlock));
    std::memset(blocks.back().get(), 1, kBlock);
  }
  return blocks;
}

TEST(ProcessSettingsTest, MemoryThatNobodyUsesGoesBackToTheSystem) {
#ifndef LOSSD_TCMALLOC
  GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
#endif
  ApplyProcessSettings();
  std::vector<std::unique_ptr<char[]>> blocks = MakeBlocks();
  const size_t used = ResidentBytes();
  ASSERT_GT(used, kBlock * kBlocks);
  blocks.clear();
  FreeHeapBeyond(0);
  EXPECT_LT(ResidentBytes(), used - kBlock * kBlocks / 2);
}

TEST(ProcessSettingsTest, TheHeapKeepsWhatItMayAndSaysHowMuchItHas) {
#ifndef LOSSD_TCMALLOC
  EXPECT_EQ(HeapBytes(), 0u);
  GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
#endif
  std::vector<std::unique_ptr<char[]>> blocks = MakeBlocks();
  EXPECT_GE(HeapBytes(), kBlock * kBlocks);
  blocks.clear();
  const size_t used = HeapBytes();
  FreeHeapBeyond(used);
  EXPECT_EQ(HeapBytes(), used);
  FreeHeapBeyond(kBlock * kBlocks / 2);
  EXPECT_LT(HeapBytes(), used - kBlock * kBlocks / 4);
  FreeHeapBeyond(0);
  EXPECT_LT(HeapBytes(), used - kBlock * kBlocks / 2);
}

// Runs `work` in a process of its own; its exit status.
int InChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(ProcessSettingsTest, ClosedStandardStreamsAreNoOneElses) {
  EXPECT_GT(InChild([] {
              for (const int fd : {0, 1, 2}) close(fd);
              ApplyProcessSettings();
              return open("/dev/zero", O_RDONLY);
            }),
            2);
}

TEST(ProcessSettingsTest, LogThatMayNotGrowIsNoEnd) {
  EXPECT_EQ(InChild([] {
              ApplyProcessSettings();
              const rlimit limit = {0, 0};
              setrlimit(RLIMIT_FSIZE, &limit);
              FILE* const file = std::tmpfile();
              return write(fileno(file), "x", 1) < 0 && errno == EFBIG ? 0 : 1;
            }),
            0);
}

TEST(CheckThreadsTest, SaysWhereThereIsNoRoom) {
  EXPECT_TRUE(CheckThreads(8).ok());
#ifndef LOSSD_TCMALLOC
  GTEST_SKIP() << "sanitizers need more addresses than that";
#endif
  // Stacks need addresses: eight megabytes each, of which there are few.
  const int got = InChild([] {
    const rlimit limit = {size_t{1} << 30, size_t{1} << 30};
    setrlimit(RLIMIT_AS, &limit);
    const absl::Status status = CheckThreads(1000);
    return absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "room for 1000") ? 0 : 1;
  });
  EXPECT_EQ(got, 0);
}

}  // namespace
}  // namespace lossd
