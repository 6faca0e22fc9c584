// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/buffer_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(BufferPoolTest, BuffersAreAlignedAndLargeEnoughAndWasteAtMostAQuarter) {
  BufferPool pool(0);
  for (size_t bytes = 0; bytes < 20000; bytes += 7) {
    const Buffer buffer = pool.Allocate(bytes);
    ASSERT_GE(buffer.capacity(), bytes);
    ASSERT_LE(buffer.capacity(), bytes <= 256 ? 256 : bytes + bytes / 4 + 64);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kBufferAlignment, 0u);
  }
}

TEST(BufferPoolTest, MappedBuffersWasteAtMostASixteenth) {
  BufferPool pool(0);
  for (size_t bytes = kMinMappedBytes; bytes < (size_t{80} << 20); bytes += bytes / 37 + 1) {
    const Buffer buffer = pool.Allocate(bytes);
    ASSERT_GE(buffer.capacity(), bytes);
    ASSERT_LE(buffer.capacity(), bytes + bytes / 16 + 1);
  }
}

TEST(BufferPoolTest, RecyclesOnlyWhatIsLargeEnough) {
  BufferPool pool(size_t{64} << 20);
  size_t largest = 0;
  for (size_t bytes = 256; bytes < (size_t{4} << 20); bytes = bytes * 33 / 32 + 1) {
    const size_t capacity = pool.Allocate(bytes).capacity();  // Recycles what an equal class has left.
    ASSERT_GE(capacity, bytes);
    ASSERT_GE(capacity, largest);
    largest = capacity;
  }
}

TEST(BufferPoolTest, ReusesReturnedMemoryOfTheSameClass) {
  BufferPool pool(1 << 20);
  const std::byte* first = pool.Allocate(5000).data();
  EXPECT_EQ(pool.Allocate(5100).data(), first);
}

TEST(BufferPoolTest, KeepsNoMoreIdleBytesThanItsBound) {
  BufferPool pool(10000);
  {
    std::vector<Buffer> buffers;
    for (int i = 0; i < 10; ++i) buffers.push_back(pool.Allocate(4096));
    EXPECT_EQ(pool.live_bytes(), 40960u);
    EXPECT_EQ(pool.idle_bytes(), 0u);
  }
  EXPECT_EQ(pool.live_bytes(), 0u);
  EXPECT_EQ(pool.idle_bytes(), 8192u);
}

TEST(BufferPoolTest, FreesWhatHasLainIdleLongestForWhatIsReturned) {
  BufferPool pool(10000);
  Buffer oldest = pool.Allocate(4096);
  Buffer middle = pool.Allocate(5120);
  Buffer newest = pool.Allocate(1024);
  oldest = Buffer();
  middle = Buffer();
  newest = Buffer();
  EXPECT_EQ(pool.idle_bytes(), 6144u);
  middle = pool.Allocate(5120);
  EXPECT_EQ(pool.idle_bytes(), 1024u);
  oldest = pool.Allocate(4096);
  EXPECT_EQ(pool.idle_bytes(), 1024u);
}

// Bytes of a mapping that are in memory.
size_t ResidentBytes(const std::byte* begin, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(bytes / page);
  EXPECT_EQ(mincore(const_cast<std::byte*>(begin), bytes, pages.data()), 0);
  return page * static_cast<size_t>(std::ranges::count_if(pages, [](unsigned char state) { return (state & 1) != 0; }));
}

TEST(BufferPoolTest, OfAMappingGivesBackOnlyWhatIsBeyondTheBound) {
  constexpr size_t kMegabyte = size_t{1} << 20;
  BufferPool pool(21 * kMegabyte);
  Buffer oldest = pool.Allocate(16 * kMegabyte);
  Buffer newest = pool.Allocate(8 * kMegabyte);
  std::byte* const begin = oldest.data();
  std::memset(begin, 1, oldest.capacity());
  oldest = Buffer();
  newest = Buffer();
  EXPECT_EQ(pool.idle_bytes(), 20 * kMegabyte) << "in huge pages";
  EXPECT_EQ(ResidentBytes(begin, 16 * kMegabyte), 12 * kMegabyte);
  oldest = pool.Allocate(16 * kMegabyte);
  EXPECT_EQ(oldest.data(), begin);
  EXPECT_EQ(pool.idle_bytes(), 8 * kMegabyte);
  EXPECT_EQ(pool.live_bytes(), 16 * kMegabyte);
  std::memset(begin, 1, oldest.capacity());
  oldest = Buffer();
  EXPECT_EQ(pool.idle_bytes(), 20 * kMegabyte);
  EXPECT_EQ(ResidentBytes(begin, 16 * kMegabyte), 16 * kMegabyte) << "the other one was older";
}

TEST(BufferPoolTest, KeepsToANewBoundAtOnceButNeverMoreThanItWasMadeFor) {
  BufferPool pool(10000);
  Buffer a = pool.Allocate(4096);
  Buffer b = pool.Allocate(4096);
  Buffer c = pool.Allocate(4096);
  a = Buffer();
  b = Buffer();
  pool.BoundIdle(5000);
  EXPECT_EQ(pool.idle_bytes(), 4096u);
  pool.BoundIdle(1 << 20);
  a = pool.Allocate(4096);
  b = pool.Allocate(4096);
  a = Buffer();
  b = Buffer();
  c = Buffer();
  EXPECT_EQ(pool.idle_bytes(), 8192u);
}

TEST(BufferPoolTest, BoundMayChangeWhileOthersGiveBack) {
  constexpr size_t kBound = size_t{9} << 20;
  BufferPool pool(kBound);
  std::atomic<bool> done = false;
  std::thread bounds([&] {
    while (!done) {
      pool.BoundIdle(0);
      EXPECT_EQ(pool.idle_bytes(), 0u) << "nobody else raises the bound";
      pool.BoundIdle(kBound);
    }
  });
  std::vector<std::thread> users;
  for (int user = 0; user < 3; ++user) {
    users.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const Buffer buffer = pool.Allocate(12 * kMinMappedBytes);
        std::memset(buffer.data(), 1, buffer.capacity());
      }
    });
  }
  for (std::thread& user : users) user.join();
  done = true;
  bounds.join();
  EXPECT_LE(pool.idle_bytes(), kBound);
}

TEST(BufferPoolTest, ConcurrentUsersOfMappingsKeepToTheBound) {
  constexpr size_t kBound = size_t{9} << 20;
  BufferPool pool(kBound);
  auto user = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 200; ++i) {
      const Buffer buffer = pool.Allocate(kMinMappedBytes * (1 + random() % 6));
      const auto mark = static_cast<unsigned char>(random());
      for (size_t k = 0; k < buffer.capacity(); k += 4096) buffer.data()[k] = std::byte{mark};
      ASSERT_LE(pool.idle_bytes(), kBound);
      for (size_t k = 0; k < buffer.capacity(); k += 4096) ASSERT_EQ(buffer.data()[k], std::byte{mark});
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(user, seed);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.live_bytes(), 0u);
  pool.BoundIdle(0);
  EXPECT_EQ(pool.idle_bytes(), 0u);
}

TEST(BufferPoolTest, FreesWhatLayIdleBetweenTwoCalls) {
  BufferPool pool(10000);
  pool.Allocate(4096);
  pool.FreeUnused();
  EXPECT_EQ(pool.idle_bytes(), 4096u);
  pool.Allocate(1024);
  pool.FreeUnused();
  EXPECT_EQ(pool.idle_bytes(), 1024u);
  pool.FreeUnused();
  EXPECT_EQ(pool.idle_bytes(), 0u);
  EXPECT_EQ(pool.allocations(), 2);
}

TEST(BufferPoolTest, LargeBuffersBeginAtAHugePageAndGoBackToTheSystem) {
  BufferPool pool(0);
  Buffer buffer = pool.Allocate(kMinMappedBytes + 1);
  std::byte* const begin = buffer.data();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(begin) % (2 << 20), 0u);
  std::memset(begin, 1, buffer.capacity());
  unsigned char resident = 0;
  EXPECT_EQ(mincore(begin, 1, &resident), 0);
  buffer = Buffer();
  EXPECT_EQ(mincore(begin, 1, &resident), -1);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(BufferPoolTest, CopiesShareMemoryUntilTheLastIsGone) {
  BufferPool pool(1 << 20);
  Buffer a = pool.Allocate(100);
  Buffer b = a;
  a = Buffer();
  EXPECT_EQ(pool.live_bytes(), 256u);
  b = Buffer();
  EXPECT_EQ(pool.live_bytes(), 0u);
}

TEST(BufferPoolTest, MovedHandlesAreNoHandlesMore) {
  BufferPool pool(1 << 20);
  Buffer a = pool.Allocate(100);
  std::byte* const data = a.data();
  Buffer b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): the state it is left in.
  EXPECT_EQ(b.data(), data);
  Buffer& same = b;
  b = same;
  EXPECT_EQ(b.data(), data);
  b = pool.Allocate(100);
  EXPECT_EQ(pool.live_bytes(), 256u);
  EXPECT_EQ(pool.idle_bytes(), 256u);
}

TEST(BufferPoolTest, TheLastOfManyThreadsHandlesReturnsTheMemoryOnce) {
  BufferPool pool(1 << 20);
  for (int round = 0; round < 200; ++round) {
    Buffer buffer = pool.Allocate(1000);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([buffer] {
        for (int copy = 0; copy < 100; ++copy) Buffer(buffer).data();
      });
    }
    buffer = Buffer();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    ASSERT_EQ(pool.live_bytes(), 0u);
    ASSERT_EQ(pool.idle_bytes(), 1024u);
  }
}

TEST(BufferPoolTest, BuffersMayOutliveThePool) {
  Buffer buffer;
  {
    BufferPool pool(1 << 20);
    buffer = pool.Allocate(1000);
  }
  std::memset(buffer.data(), 1, 1000);
}

TEST(BufferPoolTest, ConcurrentUsersNeverShareABlock) {
  BufferPool pool(1 << 20);
  auto user = [&pool](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::pair<Buffer, unsigned char>> held;
    for (int i = 0; i < 2000; ++i) {
      const auto mark = static_cast<unsigned char>(random());
      Buffer buffer = pool.Allocate(random() % 3000);
      std::memset(buffer.data(), mark, buffer.capacity());
      held.emplace_back(std::move(buffer), mark);
      if (held.size() > 8) {
        auto& [oldest, expected] = held[random() % held.size()];
        for (size_t k = 0; k < oldest.capacity(); ++k) {
          ASSERT_EQ(static_cast<unsigned char>(oldest.data()[k]), expected);
        }
        std::swap(held[random() % held.size()], held.back());
        held.pop_back();
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(user, seed);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.live_bytes(), 0u);
}

// Memory of its own, which it counts.
class CountedMemory final : public MemorySource {
 public:
  std::byte* Allocate(size_t bytes) override {
    if (bytes > most) return nullptr;
    held += bytes;
    return static_cast<std::byte*>(std::aligned_alloc(kBufferAlignment, bytes));
  }
  void Free(std::byte* memory, size_t bytes) override {
    held -= bytes;
    std::free(memory);
  }

  size_t most = SIZE_MAX;
  size_t held = 0;
};

TEST(BufferPoolTest, MemoryOfASourceIsReusedAndGoesBackWholeAlsoAfterThePool) {
  const auto source = std::make_shared<CountedMemory>();
  Buffer last;
  {
    BufferPool pool(3 * kMinMappedBytes, source);
    const std::byte* const first = pool.Allocate(2 * kMinMappedBytes).data();
    last = pool.Allocate(2 * kMinMappedBytes);
    EXPECT_EQ(last.data(), first);
    pool.Allocate(kMinMappedBytes);
    pool.Allocate(2 * kMinMappedBytes);
    // Not the end of a block, but the whole of the oldest makes room.
    EXPECT_EQ(pool.idle_bytes() + last.capacity(), source->held);
    pool.BoundIdle(0);
    EXPECT_EQ(source->held, last.capacity());
  }
  last = Buffer();
  EXPECT_EQ(source->held, 0u);
}

TEST(BufferPoolTest, ASourceWithoutMemoryIsBadAlloc) {
  const auto source = std::make_shared<CountedMemory>();
  source->most = 1000;
  BufferPool pool(0, source);
  EXPECT_NO_THROW(pool.Allocate(500));
  EXPECT_THROW(pool.Allocate(5000), std::bad_alloc);
  EXPECT_EQ(pool.live_bytes(), 0u);
}

}  // namespace
}  // namespace lossd
