// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/zip_archive.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "client/npy/npy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// Archives that NumPy wrote.
std::string Archive(const std::string& name) {
  std::ifstream file(std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/client/npy/testdata/" + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ZipArchiveTest, ReadsStoredMembers) {
  const std::string bytes = Archive("stored.npz");
  ASSERT_TRUE(IsZip(bytes));
  ASSERT_OK_AND_ASSIGN(const std::vector<ZipMember> members, ListZip(bytes));
  ASSERT_THAT(members, SizeIs(2));
  EXPECT_EQ(members[0].name, "a.npy");
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadZipMember(bytes, members[1]));
  ASSERT_OK_AND_ASSIGN(const Tensor b, ParseNpy(content, "b"));
  EXPECT_THAT(b.elements<int32_t>(), ElementsAre(1, 2));
}

TEST(ZipArchiveTest, UnpacksDeflatedMembers) {
  const std::string bytes = Archive("deflated.npz");
  ASSERT_OK_AND_ASSIGN(const std::vector<ZipMember> members, ListZip(bytes));
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadZipMember(bytes, members.front()));
  ASSERT_OK_AND_ASSIGN(const Tensor zeros, ParseNpy(content, "x"));
  EXPECT_THAT(zeros.spec().shape, ElementsAre(10, 100));
}

TEST(ZipArchiveTest, SurvivesEveryTruncationAndEveryChangedByte) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::string bytes = Archive(name);
    for (size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(ListZip(bytes.substr(0, length)).ok()) << length;
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 0xff);
      const auto members = ListZip(changed);
      if (!members.ok()) continue;
      for (const ZipMember& member : *members) ReadZipMember(changed, member).status().IgnoreError();
    }
  }
}

TEST(ZipArchiveTest, NoticesChangedContent) {
  std::string bytes = Archive("stored.npz");
  ASSERT_OK_AND_ASSIGN(const std::vector<ZipMember> members, ListZip(bytes));
  bytes[members[1].header_offset + 100] ^= 1;
  EXPECT_THAT(ReadZipMember(bytes, members[1]), StatusIs(kInvalid, HasSubstr("checksum")));
}

TEST(ZipArchiveTest, BelievesNoLengthThatDataCannotHave) {
  const std::string bytes = Archive("deflated.npz");
  ASSERT_OK_AND_ASSIGN(std::vector<ZipMember> members, ListZip(bytes));
  members[0].bytes = uint64_t{1} << 40;
  EXPECT_THAT(ReadZipMember(bytes, members[0]), StatusIs(kInvalid, HasSubstr("length")));
}

}  // namespace
}  // namespace lossd
