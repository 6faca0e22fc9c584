// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The block of a card without one: CUDA's words as the host has them, and its threads in any order between barriers.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/card_threads.h"
#include "tests/core/engine/sweeps/sweep_cases.h"

// NOLINTBEGIN(bugprone-reserved-identifier): these are CUDA's words.
#define __device__
#define __shared__ static
#define threadIdx ::lossd::testing::card_thread_index
#define __syncthreads() ::lossd::testing::CardThreads::Barrier(__LINE__)
// NOLINTEND(bugprone-reserved-identifier)
#include "core/engine/sweeps/card_block.h"

namespace lossd::testing {
namespace {

using ::testing::IsEmpty;

// Units of a sweep that show all it does: the first ones, and the last, which may have less to do.
template <typename Body>
std::set<std::pair<int64_t, int64_t>> SomeUnits(const Body& body) {
  const int64_t group = body.groups() - 1;
  std::set<std::pair<int64_t, int64_t>> units;
  for (const int64_t unit : {int64_t{0}, body.units() - 1}) {
    if (unit >= 0) units.insert({group, unit});
  }
  return units;
}

// What some units of a sweep leave in its arrays, each run by run(body, group, unit).
template <typename Run>
std::vector<std::byte> LeftBySome(const SweepCase& one, const Run& run) {
  return LeftBy(one, [&](const Sweep& sweep) {
    std::visit(
        [&](const auto& body) {
          for (const auto& [group, unit] : SomeUnits(body)) run(body, group, unit);
        },
        sweep);
  });
}

std::vector<std::byte> LeftByHost(const SweepCase& one) {
  return LeftBySome(one, [](const auto& body, int64_t group, int64_t unit) { body(HostBlock(), group, unit); });
}

std::string DifferenceOf(const SweepCase& one, const std::vector<std::byte>& expected,
                         const std::vector<std::byte>& got) {
  SweepArrays arrays(nullptr);
  one.make(arrays);
  return arrays.Difference(expected, got, SweepArrays::Allowed::kNothing);
}

class CardBlockTest : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef LOSSD_THREAD_SANITIZER
    GTEST_SKIP() << "ThreadSanitizer does not follow contexts";
#endif
  }

  // Sets `together` to whether all threads of all blocks met the same barriers.
  std::vector<std::byte> LeftByThreads(const SweepCase& one, unsigned seed, bool& together, int without = 0) {
    together = true;
    return LeftBySome(one, [&](const auto& body, int64_t group, int64_t unit) {
      together &= threads_.Run([&] { body(CardBlock(), group, unit); }, seed, without);
    });
  }

  CardThreads threads_{kSweepThreads};
};

TEST_F(CardBlockTest, LeavesTheBitsThatTheHostLeavesInWhateverOrderItsThreadsRun) {
  for (const SweepCase& one : SweepCases({1, 7, 257, 1000})) {
    const std::vector<std::byte> expected = LeftByHost(one);
    for (const unsigned seed : {1, 2}) {
      bool together = false;
      EXPECT_EQ(DifferenceOf(one, expected, LeftByThreads(one, seed, together)), "") << one.name;
      EXPECT_TRUE(together) << one.name;
    }
    if (HasFailure()) return;
  }
}

// Sums of columns twice, one after the other.
template <typename Block>
void SumColumnsTwice(const Block& threads, std::vector<double>& sums) {
  constexpr int64_t kRows = 100;
  for (int64_t time = 0; time < 2; ++time) {
    threads.template ReduceColumns<Total>(
        kRows, kSweepColumns,
        [&](Total* states, int64_t row, int64_t column) {
          for (int k = 0; k < kSweepRun; ++k) states[k].sum += static_cast<double>((time + 1) * row * (column + k));
        },
        [&](int64_t column, const Total& state) {
          sums[static_cast<size_t>(time * kSweepColumns + column)] = state.sum;
        });
  }
}

TEST_F(CardBlockTest, SumsOfColumnsFollowEachOther) {
  std::vector<double> expected(2 * kSweepColumns);
  SumColumnsTwice(HostBlock(), expected);
  std::vector<double> got(expected.size());
  EXPECT_TRUE(threads_.Run([&] { SumColumnsTwice(CardBlock(), got); }, 1));
  EXPECT_EQ(got, expected);
}

// Without any one barrier some sweep's threads read what has not been written yet, or is not there any more.
TEST_F(CardBlockTest, NoBarrierIsInVain) {
  const std::vector<SweepCase> cases = SweepCases({257});
  bool together = false;
  for (const SweepCase& one : cases) LeftByThreads(one, 1, together);
  std::set<int> in_vain = threads_.lines();
  ASSERT_GE(in_vain.size(), 9U);
  for (const SweepCase& one : cases) {
    if (in_vain.empty()) break;
    const std::vector<std::byte> expected = LeftByHost(one);
    for (const int line : std::set<int>(in_vain)) {
      const std::vector<std::byte> left = LeftByThreads(one, 1, together, line);
      if (!together || !DifferenceOf(one, expected, left).empty()) in_vain.erase(line);
    }
  }
  std::vector<double> expected(2 * kSweepColumns);
  SumColumnsTwice(HostBlock(), expected);
  for (const int line : std::set<int>(in_vain)) {
    std::vector<double> got(expected.size());
    threads_.Run([&] { SumColumnsTwice(CardBlock(), got); }, 1, line);
    if (got != expected) in_vain.erase(line);
  }
  EXPECT_THAT(in_vain, IsEmpty()) << "lines of card_block.h";
}

}  // namespace
}  // namespace lossd::testing
