// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/frame_meter.h"

#include <random>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

const std::string& Traffic() {
  static const auto* const traffic = new std::string(
      ConnectionPreface() + HeadersOf(1, {}) + DataOf(1, std::string(300, 'x')) + WindowUpdateOf(0, 100) +
      DataOf(1, "") + ResetOf(1) + HeadersOf(3, {}) + DataOf(3, std::string(16'000, 'y'), /*last=*/true));
  return *traffic;
}

TEST(FrameMeterTest, CountsWhatDataFramesCarryHoweverItIsCut) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    FrameMeter meter;
    int64_t bytes = 0;
    for (size_t at = 0; at < Traffic().size();) {
      const size_t piece = 1 + random() % (seed < 50 ? 5 : 5000);
      bytes += meter.Take(Traffic().substr(at, piece));
      at += piece;
    }
    EXPECT_EQ(bytes, 16'300) << seed;
    EXPECT_FALSE(meter.opaque());
    EXPECT_EQ(meter.opened(), 2);
    EXPECT_EQ(meter.since_opened(), 16'000);
  }
}

TEST(FrameMeterTest, WhatIsNotHttp2IsOpaqueAndCountsWhole) {
  FrameMeter tls;
  EXPECT_EQ(tls.Take(std::string("\x16\x03\x01\x02\x00", 5) + std::string(600, 'z')), 605);
  EXPECT_TRUE(tls.opaque());
  FrameMeter broken;
  EXPECT_EQ(broken.Take("PRI * HTTP/1"), 12);
  EXPECT_TRUE(broken.opaque());
}

TEST(FrameMeterTest, KnowsHowLongABlockOfHeadersIs) {
  FrameMeter meter;
  meter.Take(ConnectionPreface());
  meter.Take(ToBytes({kHeadersFrame, 0, 1, std::string(100, 'h')}));
  EXPECT_EQ(meter.longest_header_block(), 109);
  meter.Take(ToBytes({kContinuationFrame, 0, 1, std::string(16'000, 'h')}));
  EXPECT_EQ(meter.longest_header_block(), 109 + 16'009);
  meter.Take(ToBytes({kContinuationFrame, kEndHeaders, 1, ""}));
  meter.Take(ToBytes({kHeadersFrame, kEndHeaders, 3, "h"}));
  EXPECT_EQ(meter.longest_header_block(), 109 + 16'018) << "also once it has ended";
  EXPECT_EQ(meter.opened(), 2);
}

}  // namespace
}  // namespace lossd::testing
