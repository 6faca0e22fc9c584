// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/npy_header.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Header(absl::string_view dict) {
  const std::string length = {static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return absl::StrCat(absl::string_view("\x93NUMPY\x01\x00", 8), length, dict);
}

TEST(ParseNpyHeaderTest, TakesKeysInAnyOrderAndBothQuotes) {
  ASSERT_OK_AND_ASSIGN(const NpyHeader header,
                       ParseNpyHeader(Header("{ \"shape\":(2 ,3L,),'fortran_order':True , 'descr': '<i8'}  \n")));
  EXPECT_EQ(header.dtype, DType::kInt64);
  EXPECT_TRUE(header.fortran_order);
  EXPECT_THAT(header.shape, ElementsAre(2, 3));
  EXPECT_EQ(header.data_offset, Header("{ \"shape\":(2 ,3L,),'fortran_order':True , 'descr': '<i8'}  \n").size());
}

TEST(ParseNpyHeaderTest, ReadsTheScalarShape) {
  ASSERT_OK_AND_ASSIGN(const NpyHeader header,
                       ParseNpyHeader(Header("{'descr': '<f4', 'fortran_order': False, 'shape': ()}")));
  EXPECT_THAT(header.shape, IsEmpty());
}

TEST(ParseNpyHeaderTest, RefusesEveryTruncation) {
  const std::string whole = FormatNpyHeader({"x", DType::kFloat32, {2, 3}});
  ASSERT_OK(ParseNpyHeader(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(ParseNpyHeader(whole.substr(0, size)), StatusIs(kInvalid)) << size;
  }
}

struct Refusal {
  const char* dict;
  const char* text;
};

class ParseNpyHeaderRefusesTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(ParseNpyHeaderRefusesTest, WithAReason) {
  EXPECT_THAT(ParseNpyHeader(Header(GetParam().dict)), StatusIs(kInvalid, HasSubstr(GetParam().text)));
}

INSTANTIATE_TEST_SUITE_P(
    Dicts, ParseNpyHeaderRefusesTest,
    ::testing::Values(
        Refusal{"", "expected '{'"}, Refusal{"{", "expected a string"}, Refusal{"{}", "no 'descr'"},
        Refusal{"{'descr': '<f4'", "expected ','"}, Refusal{"{'descr", "unterminated"},
        Refusal{"{'descr' '<f4'}", "expected ':'"}, Refusal{"{'descr': '<f4', 'descr': '<f4'}", "repeated key 'descr'"},
        Refusal{"{'color': '<f4'}", "unexpected or repeated key 'color'"},
        Refusal{"{'descr': '<f4', 'shape': ()}", "no 'fortran_order'"},
        Refusal{"{'descr': '<f4', 'fortran_order': False}", "no 'shape'"},
        Refusal{"{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "True or False"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", "expected a tuple"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': [2]}", "expected '('"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", "expected ',' or ')'"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "expected extents"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "expected extents"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", "expected extents"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 0)}", "below 2^63"},
        Refusal{"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "text after"},
        Refusal{"{'descr': '>c8', 'fortran_order': False, 'shape': ()}", "got '>c8'"},
        Refusal{"{'descr': '<c8', 'fortran_order': False, 'shape': ()}", "got '<c8'"},
        Refusal{"{'descr': '', 'fortran_order': False, 'shape': ()}", "got ''"},
        Refusal{"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", "structured"}));

TEST(ParseNpyHeaderTest, RefusesOtherMagicAndVersions) {
  EXPECT_THAT(ParseNpyHeader("PK\x03\x04 something else"), StatusIs(kInvalid, HasSubstr("not a .npy file")));
  std::string header = FormatNpyHeader({"x", DType::kFloat32, {2}});
  header[6] = 4;
  EXPECT_THAT(ParseNpyHeader(header), StatusIs(kInvalid, HasSubstr("got 4")));
}

TEST(ParseNpyHeaderTest, RefusesLengthsBeyondTheLimit) {
  const std::string header("\x93NUMPY\x02\x00\xff\xff\xff\xff{", 13);
  EXPECT_THAT(ParseNpyHeader(header), StatusIs(kInvalid, HasSubstr("expected at most 65536 bytes")));
}

TEST(FormatNpyHeaderTest, RoundTripsEveryDTypeAlignedTo64Bytes) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt32,
                            DType::kInt64, DType::kUint8}) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3, 4, 5, 6}, Shape{0, 7}}) {
      const std::string header = FormatNpyHeader({"x", dtype, shape});
      EXPECT_EQ(header.size() % 64, 0u);
      ASSERT_OK_AND_ASSIGN(const NpyHeader parsed, ParseNpyHeader(header));
      EXPECT_EQ(parsed.dtype, dtype);
      EXPECT_EQ(parsed.shape, shape);
      EXPECT_FALSE(parsed.fortran_order);
      EXPECT_EQ(parsed.data_offset, header.size());
    }
  }
}

}  // namespace
}  // namespace lossd
