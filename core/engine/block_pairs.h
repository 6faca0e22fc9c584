// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The order in which blocks of rows meet blocks of columns: in rounds, within which every block plays once at most, so
// that the pairs of a round write to different places and may run side by side.

#ifndef LOSSD_CORE_ENGINE_BLOCK_PAIRS_H_
#define LOSSD_CORE_ENGINE_BLOCK_PAIRS_H_

#include <algorithm>
#include <cstdint>
#include <optional>

namespace lossd {

// A block of rows and a block of columns.
struct BlockPair {
  int64_t rows;
  int64_t columns;
};

// Blocks meet each other and themselves like the players of a round-robin tournament: round 0 pairs each with itself,
// later rounds have rows < columns.
class SymmetricPairs {
 public:
  explicit SymmetricPairs(int64_t blocks) : blocks_(blocks), players_(blocks + blocks % 2) {}

  int64_t rounds() const { return players_; }
  // Pairs of a round, some of which do not exist.
  int64_t pairs(int64_t round) const { return round == 0 ? blocks_ : players_ / 2; }
  std::optional<BlockPair> Pair(int64_t round, int64_t pair) const {
    if (round == 0) return BlockPair{pair, pair};
    const int64_t circle = players_ - 1;
    const int64_t a = (round - 1 + pair) % circle;
    const int64_t b = pair == 0 ? circle : (round - 1 + circle - pair) % circle;
    if (std::max(a, b) >= blocks_) return std::nullopt;  // Against the player that makes the number even.
    return BlockPair{std::min(a, b), std::max(a, b)};
  }

 private:
  const int64_t blocks_;
  const int64_t players_;
};

// Every block of rows meets every block of columns.
class RectangularPairs {
 public:
  RectangularPairs(int64_t rows, int64_t columns) : rows_(rows), columns_(columns) {}

  int64_t rounds() const { return std::max(rows_, columns_); }
  int64_t pairs(int64_t) const { return rows_; }
  std::optional<BlockPair> Pair(int64_t round, int64_t pair) const {
    const int64_t column = (pair + round) % rounds();
    if (column >= columns_) return std::nullopt;
    return BlockPair{pair, column};
  }

 private:
  const int64_t rows_;
  const int64_t columns_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_BLOCK_PAIRS_H_
