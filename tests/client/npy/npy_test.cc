// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/npy.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// Files that NumPy wrote.
std::string Testdata(const std::string& name) {
  return std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/client/npy/testdata/" + name;
}

std::string Temporary(const std::string& name) { return ::testing::TempDir() + "/npy_test_" + name; }

std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Spill(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

TEST(ReadNpyTest, ReadsVersionsOneToThree) {
  ASSERT_OK_AND_ASSIGN(const Tensor f4, ReadNpy(Testdata("f4_v1.npy"), "x"));
  EXPECT_EQ(f4.spec(), (TensorSpec{"x", DType::kFloat32, {2, 3}}));
  EXPECT_THAT(f4.elements<float>(), ElementsAre(0, 0.5f, 1, 1.5f, 2, 2.5f));
  ASSERT_OK_AND_ASSIGN(const Tensor f8, ReadNpy(Testdata("f8_v2.npy"), "x"));
  EXPECT_THAT(f8.elements<double>(), ElementsAre(0, 0.25, 0.5, 0.75, 1, 1.25));
  ASSERT_OK_AND_ASSIGN(const Tensor f2, ReadNpy(Testdata("f2_v3.npy"), "x"));
  EXPECT_EQ(f2.spec().dtype, DType::kFloat16);
  EXPECT_THAT(f2.elements<uint16_t>(), ElementsAre(0xbc00, 0, 0x3c00, 0x4000, 0x4200, 0x4400));
}

TEST(ReadNpyTest, ReadsIntegersAndScalars) {
  ASSERT_OK_AND_ASSIGN(const Tensor i8, ReadNpy(Testdata("i8_scalar.npy"), "x"));
  EXPECT_THAT(i8.spec().shape, IsEmpty());
  EXPECT_THAT(i8.elements<int64_t>(), ElementsAre(-7));
  ASSERT_OK_AND_ASSIGN(const Tensor u1, ReadNpy(Testdata("u1_vector.npy"), "x"));
  EXPECT_THAT(u1.elements<uint8_t>(), ElementsAre(0, 127, 255));
}

TEST(ReadNpyTest, BringsFortranOrderIntoCOrder) {
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, ReadNpy(Testdata("i4_fortran.npy"), "x"));
  EXPECT_THAT(tensor.spec().shape, ElementsAre(2, 3, 4));
  std::vector<int32_t> expected(24);
  for (int i = 0; i < 24; ++i) expected[i] = i;
  EXPECT_THAT(tensor.elements<int32_t>(), ElementsAreArray(expected));
}

TEST(ReadNpyTest, TakesTwoByteVoidsAndUnsignedsAsBFloat16) {
  for (const char* file : {"v2_bfloat16.npy", "u2_bfloat16.npy"}) {
    ASSERT_OK_AND_ASSIGN(const Tensor tensor, ReadNpy(Testdata(file), "x"));
    EXPECT_EQ(tensor.spec().dtype, DType::kBFloat16);
    EXPECT_THAT(tensor.elements<uint16_t>(), ElementsAre(0x3f80, 0xc000));
  }
}

TEST(ReadNpyTest, ReadsEmptyArrays) {
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, ReadNpy(Testdata("empty.npy"), "x"));
  EXPECT_THAT(tensor.spec().shape, ElementsAre(0, 4));
  EXPECT_EQ(tensor.byte_size(), 0);
}

TEST(ReadNpyTest, BringsBigEndianElementsIntoLittleEndian) {
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, ReadNpy(Testdata("big_endian_fortran.npy"), "x"));
  EXPECT_EQ(tensor.spec(), (TensorSpec{"x", DType::kInt32, {2, 3}}));
  EXPECT_THAT(tensor.elements<int32_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
  ASSERT_OK_AND_ASSIGN(const Tensor parsed, ParseNpy(Slurp(Testdata("big_endian_fortran.npy")), "x"));
  EXPECT_THAT(parsed.elements<int32_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(ReadNpyTest, RefusesUnsupportedKindsNamingTheFile) {
  EXPECT_THAT(ReadNpy(Testdata("structured.npy"), "x"),
              StatusIs(kInvalid, AllOf(HasSubstr("structured.npy: "), HasSubstr("structured one"))));
  EXPECT_THAT(ReadNpy(Testdata("c8.npy"), "x"), StatusIs(kInvalid, HasSubstr("got '<c8'")));
}

TEST(ReadNpyTest, RefusesEveryTruncation) {
  const std::string whole = Slurp(Testdata("f4_v1.npy"));
  ASSERT_EQ(whole.size(), 152u);
  const std::string path = Temporary("truncated.npy");
  for (size_t size = 0; size < whole.size(); ++size) {
    Spill(path, whole.substr(0, size));
    EXPECT_THAT(ReadNpy(path, "x"), StatusIs(kInvalid, HasSubstr(path))) << size;
  }
}

TEST(ReadNpyTest, RefusesBytesBehindTheElements) {
  const std::string path = Temporary("trailing.npy");
  Spill(path, Slurp(Testdata("f4_v1.npy")) + "x");
  EXPECT_THAT(ReadNpy(path, "x"),
              StatusIs(kInvalid, HasSubstr("expected 24 bytes of elements for [2, 3] of FLOAT32, got 25")));
}

TEST(ReadNpyTest, RefusesHugeClaimsWithoutAllocating) {
  const std::string path = Temporary("huge.npy");
  Spill(path, "\x93NUMPY\x01" + std::string(1, '\0') + std::string("\x48\x00", 2) +
                  "{'descr': '<f8', 'fortran_order': True, 'shape': (1000000000, 1000000)} ");
  EXPECT_THAT(ReadNpy(path, "x"), StatusIs(kInvalid, HasSubstr("expected 8000000000000000 bytes of elements")));
}

TEST(ReadNpyTest, TellsMissingFilesFromFolders) {
  EXPECT_THAT(ReadNpy(Temporary("missing.npy"), "x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.npy: no such file")));
  EXPECT_THAT(ReadNpy(::testing::TempDir(), "x"), StatusIs(kInvalid, HasSubstr("expected a regular file")));
}

TEST(WriteNpyTest, RoundTrips) {
  const std::vector<float> values = {1, -2, 3.5f, 0, 1e-30f, 7};
  const TensorSpec spec{"y", DType::kFloat32, {3, 2}};
  const std::string path = Temporary("round_trip.npy");
  ASSERT_OK(WriteNpy(path, spec, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(values.data()), 24)));
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, ReadNpy(path, "y"));
  EXPECT_EQ(tensor.spec(), spec);
  EXPECT_THAT(tensor.elements<float>(), ElementsAreArray(values));
}

TEST(WriteNpyTest, WritesWhatNumPyWrites) {
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, ReadNpy(Testdata("f4_v1.npy"), "x"));
  const std::string path = Temporary("same.npy");
  ASSERT_OK(WriteNpy(path, tensor.spec(), absl::MakeConstSpan(tensor.bytes(), 24)));
  EXPECT_EQ(Slurp(path), Slurp(Testdata("f4_v1.npy")));
}

TEST(WriteNpyTest, RefusesWrongSizesAndUnwritablePlaces) {
  const std::byte byte{};
  EXPECT_THAT(WriteNpy(Temporary("size.npy"), {"x", DType::kFloat32, {2}}, {&byte, 1}),
              StatusIs(kInvalid, HasSubstr("expected 8 bytes of elements for [2] of FLOAT32, got 1")));
  const std::string nowhere = Temporary("no/such/folder.npy");
  EXPECT_THAT(WriteNpy(nowhere, {"x", DType::kUint8, {1}}, {&byte, 1}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(nowhere)));
}

}  // namespace
}  // namespace lossd
