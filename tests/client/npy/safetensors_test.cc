// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/safetensors.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string File(const std::string& header, const std::string& elements) {
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  return absl::StrCat(length, header, elements);
}

std::string TwoTensors() {
  const float x[] = {1, 2, 3, 4};
  std::string elements(reinterpret_cast<const char*>(x), sizeof(x));
  return File(R"({"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
              R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]}})",
              absl::StrCat(elements, std::string("\x80\x3f\x00\x40", 4)));
}

TEST(SafetensorsTest, ReadsTensorsByName) {
  ASSERT_OK_AND_ASSIGN(const auto names, ListSafetensors(TwoTensors()));
  EXPECT_THAT(names, ElementsAre("b", "x"));
  ASSERT_OK_AND_ASSIGN(const Tensor x, ParseSafetensor(TwoTensors(), "x", "anchor.0"));
  EXPECT_EQ(x.spec(), (TensorSpec{"anchor.0", DType::kFloat32, {2, 2}}));
  EXPECT_THAT(x.elements<float>(), ElementsAre(1, 2, 3, 4));
  ASSERT_OK_AND_ASSIGN(const Tensor b, ParseSafetensor(TwoTensors(), "b", "b"));
  EXPECT_EQ(b.spec().dtype, DType::kBFloat16);
  EXPECT_THAT(b.elements<uint16_t>(), ElementsAre(0x3f80, 0x4000));
}

TEST(SafetensorsTest, RefusesEveryTruncation) {
  const std::string file = TwoTensors();
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(ParseSafetensor(file.substr(0, length), "b", "b").ok()) << length;
  }
}

TEST(SafetensorsTest, RefusesWhatItCannotRead) {
  const auto parse = [](const std::string& entry) {
    return ParseSafetensor(File(entry, "12345678"), "x", "x").status();
  };
  EXPECT_THAT(parse(R"({})"), StatusIs(kInvalid, HasSubstr("no tensor 'x'")));
  EXPECT_THAT(parse(R"([1])"), StatusIs(kInvalid, HasSubstr("JSON object")));
  EXPECT_THAT(parse(R"({"x":3})"), StatusIs(kInvalid, HasSubstr("no dtype")));
  EXPECT_THAT(parse(R"({"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})"),
              StatusIs(kInvalid, HasSubstr("got F8_E4M3")));
  EXPECT_THAT(parse(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"),
              StatusIs(kInvalid, HasSubstr("shape")));
  EXPECT_THAT(parse(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"),
              StatusIs(kInvalid, HasSubstr("8 bytes")));
  EXPECT_THAT(parse(R"({"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})"),
              StatusIs(kInvalid, HasSubstr("16 bytes")));
  EXPECT_FALSE(parse(R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})").ok());
  EXPECT_THAT(ParseSafetensor(TwoTensors(), "__metadata__", "x"), StatusIs(kInvalid, HasSubstr("no tensor")));
}

}  // namespace
}  // namespace lossd
