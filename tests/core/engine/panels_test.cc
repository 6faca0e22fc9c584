// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/panels.h"

#include <cstdint>
#include <set>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(PanelsTest, KeepFewColumnsInOneCacheLineAndMoreInTwo) {
  EXPECT_EQ(PanelWidth<float>(1), 16);
  EXPECT_EQ(PanelWidth<float>(16), 16);
  EXPECT_EQ(PanelWidth<float>(17), 32);
  EXPECT_EQ(PanelWidth<double>(8), 8);
  EXPECT_EQ(PanelWidth<double>(9), 16);
}

TEST(PanelsTest, GiveEachElementAPlaceOfItsOwn) {
  const Panels panels = {3, 70, 32};
  EXPECT_EQ(panels.count(), 3);
  EXPECT_EQ(panels.padded_columns(), 96);
  std::set<int64_t> places;
  for (int64_t row = 0; row < panels.rows; ++row) {
    for (int64_t column = 0; column < panels.columns; ++column) {
      const int64_t place = panels.Offset(row, column);
      EXPECT_GE(place, 0);
      EXPECT_LT(place, panels.size());
      places.insert(place);
    }
  }
  EXPECT_EQ(places.size(), 210u);
}

TEST(PanelsTest, AreSeenByProductsWhereTheyLie) {
  for (const Panels& panels : {Panels{4, 10, 16}, Panels{4, 50, 32}}) {
    const BlockedView<float> view = PanelView<float>(nullptr, panels);
    for (int64_t row = 0; row < panels.rows; ++row) {
      for (int64_t column = 0; column < panels.columns; ++column) {
        EXPECT_EQ(view.rows.Offset(row) + view.columns.Offset(column), panels.Offset(row, column));
      }
    }
  }
}

}  // namespace
}  // namespace lossd
