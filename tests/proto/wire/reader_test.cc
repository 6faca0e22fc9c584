// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/reader.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

// Fields of all wire types, behind each other.
std::string AllWireTypes() {
  return VarintField(1, 300) + Fixed64Field(2, 7) + BytesField(300, "hello") + GroupField(4, VarintField(9, 1)) +
         Fixed32Field(5, 7) + BytesField(6, "");
}

std::string Text(const Reader& reader) {
  std::string text;
  reader.AppendTo(text);
  return text;
}

// Whether the first field of `bytes` can be read in slices of any size.
bool Readable(const std::string& bytes) {
  const std::vector<grpc::Slice> whole = Cut(bytes, 1 << 20);
  const bool readable = Reader(whole).ReadField().has_value();
  for (size_t size = 1; size < bytes.size(); ++size) {
    const std::vector<grpc::Slice> slices = Cut(bytes, size);
    EXPECT_EQ(Reader(slices).ReadField().has_value(), readable) << "slices of " << size;
  }
  return readable;
}

TEST(ReaderTest, ReadsAllWireTypesInSlicesOfAnySize) {
  const std::string bytes = AllWireTypes();
  for (size_t size = 1; size <= bytes.size(); ++size) {
    const std::vector<grpc::Slice> slices = Cut(bytes, size);
    Reader reader{slices};
    std::string seen, whole;
    while (const auto field = reader.ReadField()) {
      absl::StrAppend(&seen, field->number, ":", static_cast<int>(field->type), ":", Text(field->content), " ");
      whole += Text(field->whole);
    }
    EXPECT_TRUE(reader.AtEnd());
    EXPECT_EQ(seen, "1:0: 2:1: 300:2:hello 4:3: 5:5: 6:2: ");
    EXPECT_EQ(whole, bytes);
  }
}

TEST(ReaderTest, SkipsEmptySlices) {
  std::vector<grpc::Slice> slices(3);
  for (const grpc::Slice& slice : Cut(BytesField(1, "ab"), 1)) {
    slices.push_back(slice);
    slices.emplace_back();
  }
  Reader reader{slices};
  const auto field = reader.ReadField();
  ASSERT_TRUE(field);
  EXPECT_EQ(Text(field->content), "ab");
  EXPECT_TRUE(reader.AtEnd());
}

TEST(ReaderTest, IsAtTheEndOfNoSlicesAndOfEmptyOnes) {
  EXPECT_TRUE(Reader({}).AtEnd());
  EXPECT_FALSE(Reader({}).ReadField());
  const std::vector<grpc::Slice> empty(2);
  EXPECT_TRUE(Reader(empty).AtEnd());
}

TEST(ReaderTest, LocatesContentInTheSlices) {
  const std::string bytes = VarintField(1, 1) + BytesField(2, "payload");
  const std::vector<grpc::Slice> slices = Cut(bytes, 3);  // "08 01 12" "07 p a" "y l o" "a d"
  Reader reader{slices};
  reader.ReadField();
  const auto field = reader.ReadField();
  ASSERT_TRUE(field);
  const PayloadRange range = field->content.Range();
  EXPECT_EQ(range.slice, 1u);
  EXPECT_EQ(range.offset, 1u);
  EXPECT_EQ(range.length, 7);
  EXPECT_EQ(field->content.position(), 4);
}

TEST(ReaderTest, ReadsVarintsOfUpToTenBytes) {
  const auto read = [](const std::string& bytes) {
    const std::vector<grpc::Slice> slices = Cut(bytes, 3);
    return Reader(slices).ReadVarint();
  };
  EXPECT_EQ(read(Varint(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ(read(PaddedVarint(5, 10)), 5u);
  EXPECT_EQ(read(std::string(9, '\xff') + '\x7f'), UINT64_MAX);  // Bits beyond 64 are dropped.
  EXPECT_EQ(read(PaddedVarint(5, 11)), std::nullopt);
  EXPECT_EQ(read("\x80"), std::nullopt);
  EXPECT_EQ(read(""), std::nullopt);
}

TEST(ReaderTest, ReadsTagsAndLengthsOfUpToFiveBytes) {
  EXPECT_TRUE(Readable(PaddedVarint(1 << 3, 5) + Varint(1)));
  EXPECT_FALSE(Readable(PaddedVarint(1 << 3, 6) + Varint(1)));
  EXPECT_TRUE(Readable(Tag(1, 2) + PaddedVarint(2, 5) + "ab"));
  EXPECT_FALSE(Readable(Tag(1, 2) + PaddedVarint(2, 6) + "ab"));
}

TEST(ReaderTest, RefusesWhatIsNoField) {
  EXPECT_FALSE(Readable(std::string(1, '\0')));   // Number 0.
  EXPECT_FALSE(Readable("\x02\x01z"));            // Number 0, delimited.
  EXPECT_FALSE(Readable("\x0e"));                 // Wire type 6.
  EXPECT_FALSE(Readable("\x0f"));                 // Wire type 7.
  EXPECT_FALSE(Readable(Tag(1, 4)));              // The end of no group.
  EXPECT_FALSE(Readable(Tag(1, 3)));              // A group without end.
  EXPECT_FALSE(Readable(Tag(1, 3) + Tag(2, 4)));  // The end of another group.
  EXPECT_FALSE(Readable(Tag(1, 2) + Varint(3) + "ab"));
  EXPECT_FALSE(Readable(Tag(1, 2) + Varint(UINT64_MAX)));
}

TEST(ReaderTest, RefusesEveryTruncationOfAField) {
  for (const std::string& field : {VarintField(1, 300), Fixed64Field(2, 7), BytesField(300, "hello"),
                                   GroupField(4, GroupField(5, BytesField(9, "x"))), Fixed32Field(5, 7)}) {
    EXPECT_TRUE(Readable(field));
    for (size_t size = 0; size < field.size(); ++size) EXPECT_FALSE(Readable(field.substr(0, size)));
  }
}

TEST(ReaderTest, StaysInsideContent) {
  // The inner field claims one byte more than its parent has.
  const std::string bytes = BytesField(1, Tag(2, 2) + Varint(3) + "ab") + VarintField(3, 1);
  const std::vector<grpc::Slice> slices = Cut(bytes, 4);
  Reader reader{slices};
  auto field = reader.ReadField();
  ASSERT_TRUE(field);
  EXPECT_FALSE(field->content.ReadField());
}

TEST(ReaderTest, CountsContentAsALevelOfNesting) {
  std::string nested;
  for (int depth = 1; depth <= kMaxDepth; ++depth) nested = GroupField(9, nested);
  EXPECT_TRUE(Readable(nested));
  EXPECT_FALSE(Readable(GroupField(9, nested)));
  const std::vector<grpc::Slice> slices = Cut(BytesField(1, nested), 100);
  auto field = Reader(slices).ReadField();
  ASSERT_TRUE(field);
  EXPECT_FALSE(field->content.ReadField());
}

}  // namespace
}  // namespace lossd::wire
