// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/text_checks.h"

#include <cstdint>
#include <random>
#include <string>

#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "lossd/v1/tensor.pb.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

// What protobuf says of a string's bytes.
bool ProtobufAccepts(const std::string& text) {
  const google::protobuf::LogSilencer silencer;
  return v1::Tensor().ParseFromString(BytesField(1, text));
}

TEST(IsValidUtf8Test, AgreesWithProtobufOnAllTextsOfUpToThreeBytes) {
  for (uint32_t bytes = 0; bytes < 1 << 24; bytes += bytes < 0x10000 ? 1 : 7) {
    const char text[] = {static_cast<char>(bytes >> 16), static_cast<char>(bytes >> 8), static_cast<char>(bytes)};
    const std::string all(text, 3);
    ASSERT_EQ(IsValidUtf8(all), ProtobufAccepts(all)) << bytes;
    if (bytes >= 0x10000) continue;
    ASSERT_EQ(IsValidUtf8(all.substr(1)), ProtobufAccepts(all.substr(1))) << bytes;
  }
}

TEST(IsValidUtf8Test, AgreesWithProtobufOnTextsOfFourBytes) {
  std::mt19937 random(1);
  for (int i = 0; i < 300'000; ++i) {
    // Mostly a leading byte of a long sequence, and bytes near the borders of what may follow.
    std::string text = {static_cast<char>(0xec + random() % 12), static_cast<char>(0x78 + random() % 80),
                        static_cast<char>(0x7e + random() % 68), static_cast<char>(0x7e + random() % 68)};
    ASSERT_EQ(IsValidUtf8(text), ProtobufAccepts(text)) << ::testing::PrintToString(text);
  }
}

TEST(IsValidUtf8Test, TakesTheLargestAndRefusesWhatIsCutOff) {
  EXPECT_TRUE(IsValidUtf8("\xf4\x8f\xbf\xbf"));
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));
  EXPECT_FALSE(IsValidUtf8("\xf4\x8f\xbf"));
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));  // A surrogate.
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));      // Not the shortest form.
  EXPECT_TRUE(IsValidUtf8(""));
}

TEST(ReadNameTest, ReturnsANameThatLiesInSeveralSlices) {
  const auto slices = Cut("anchor.\u00e9", 2);
  ASSERT_OK_AND_ASSIGN(const std::string name, ReadName("inputs[0].name", Reader(slices)));
  EXPECT_EQ(name, "anchor.\u00e9");
}

TEST(ReadNameTest, NamesFieldExpectationAndValue) {
  const auto slices = Cut(std::string(257, 'n'), 100);
  EXPECT_THAT(ReadName("request_id", Reader(slices)),
              StatusIs(absl::StatusCode::kInvalidArgument, "request_id: expected at most 256 bytes, got 257"));
  const auto invalid = Cut("\xff", 1);
  EXPECT_THAT(ReadName("request_id", Reader(invalid)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected UTF-8")));
}

TEST(TensorPathTest, WritesNamesAsClientsDo) {
  EXPECT_EQ(TensorPath("inputs", "anchor.1", 3, ".shape"), "inputs[anchor.1].shape");
  EXPECT_EQ(TensorPath("inputs", "", 3, ".name"), "inputs[3].name");
  EXPECT_EQ(TensorPath("inputs", "a\nb\u00e9", 3, ""), "inputs[a\\nb\u00e9]");
}

TEST(MalformedTest, SaysWhereTheCursorIs) {
  const auto slices = Cut(VarintField(1, 1) + "\x0f", 1);
  Reader reader{slices};
  reader.ReadField();
  EXPECT_THAT(Malformed("message", reader), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("before byte 2 ")));
}

}  // namespace
}  // namespace lossd::wire
