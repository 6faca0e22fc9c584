// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/array_file.h"

#include <cstdlib>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Testdata(const std::string& name) {
  return std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/client/npy/testdata/" + name;
}

TEST(ReadArrayTest, ReadsNpyFilesOfEitherByteOrderAndLayout) {
  ASSERT_OK_AND_ASSIGN(const Tensor plain, ReadArray(Testdata("f4_v1.npy"), "x"));
  EXPECT_THAT(plain.spec().shape, ElementsAre(2, 3));
  ASSERT_OK_AND_ASSIGN(const Tensor other, ReadArray(Testdata("big_endian_fortran.npy"), "x"));
  EXPECT_THAT(other.elements<int32_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(ReadArrayTest, TakesTheMemberAskedForOrThatOfTheInputsNameOrTheOnlyOne) {
  ASSERT_OK_AND_ASSIGN(const Tensor asked, ReadArray(Testdata("stored.npz:b"), "x"));
  EXPECT_EQ(asked.spec(), (TensorSpec{"x", DType::kInt32, {2}}));
  ASSERT_OK_AND_ASSIGN(const Tensor named, ReadArray(Testdata("stored.npz"), "a"));
  EXPECT_THAT(named.spec().shape, ElementsAre(2, 3));
  ASSERT_OK_AND_ASSIGN(const Tensor only, ReadArray(Testdata("deflated.npz"), "x"));
  EXPECT_THAT(only.spec().shape, ElementsAre(10, 100));
  EXPECT_THAT(ReadArray(Testdata("stored.npz"), "x"),
              StatusIs(kInvalid, AllOf(HasSubstr("stored.npz"), HasSubstr("one of a, b, got none"))));
  EXPECT_THAT(ReadArray(Testdata("stored.npz:c"), "a"), StatusIs(kInvalid, HasSubstr("one of a, b, got c")));
}

TEST(ReadArrayTest, ReadsSafetensors) {
  const std::string path = ::testing::TempDir() + "/array_file_test.safetensors";
  const std::string header = R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  std::ofstream(path, std::ios::binary) << length << header << "\x01\x02";
  ASSERT_OK_AND_ASSIGN(const Tensor w, ReadArray(path + ":w", "x"));
  EXPECT_THAT(w.elements<uint8_t>(), ElementsAre(1, 2));
  ASSERT_OK(ReadArray(path, "x").status());
}

TEST(ReadArrayTest, SaysWhatIsWrongWithWhichFile) {
  EXPECT_THAT(ReadArray("nowhere.npz", "x"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere.npz")));
  EXPECT_THAT(ReadArray("nowhere.safetensors", "x"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere.s")));
  EXPECT_THAT(ReadArray(Testdata("f4_v1.npy:b"), "x"), StatusIs(kInvalid, HasSubstr("expected an archive")));
}

}  // namespace
}  // namespace lossd
