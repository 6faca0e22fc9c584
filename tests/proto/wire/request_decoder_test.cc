// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/request_decoder.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "gtest/gtest.h"
#include "proto/wire/limits.h"
#include "tests/proto/wire/protobuf_oracle.h"
#include "tests/proto/wire/random_message.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<DecodedRequest> Decode(const std::string& bytes) { return DecodeRequest(Cut(bytes, 64 << 10)); }

// A request with one input of 2 bytes, written as `tensor`.
std::string WithInput(const std::string& tensor) { return BytesField(15, tensor); }

// The field that a refused request's error names.
std::string RefusedField(const std::string& bytes) {
  const auto request = Decode(bytes);
  const auto violation = GetFieldViolation(request.status());
  return violation ? violation->field : absl::StrCat("none: ", request.status().ToString());
}

TEST(DecodeRequestTest, AgreesWithProtobufOnAnyOrderAndSlicing) {
  for (uint32_t seed = 0; seed < 3'000; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = RandomRequest(random);
    ASSERT_OK(Decode(bytes)) << "seed " << seed;
    for (const auto& slices : {Cut(bytes, 1), Cut(bytes, 7), CutAtRandom(bytes, random)}) {
      ASSERT_EQ(RequestDisagreement(slices), "") << "seed " << seed;
    }
  }
}

TEST(DecodeRequestTest, AgreesWithProtobufOnEveryTruncation) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = RandomRequest(random);
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_EQ(RequestDisagreement(CutAtRandom(bytes.substr(0, size), random)), "") << "seed " << seed << ", " << size;
    }
  }
}

TEST(DecodeRequestTest, AgreesWithProtobufOnMutations) {
  for (uint32_t seed = 0; seed < 30'000; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = Mutated(RandomRequest(random), random);
    ASSERT_EQ(RequestDisagreement(CutAtRandom(bytes, random)), "") << "seed " << seed;
  }
}

TEST(DecodeRequestTest, AcceptsAnEmptyMessage) {
  ASSERT_OK_AND_ASSIGN(const DecodedRequest request, Decode(""));
  EXPECT_EQ(request.header.loss().loss_case(), v1::LossSpec::LOSS_NOT_SET);
  EXPECT_TRUE(request.specs.empty());
}

TEST(DecodeRequestTest, LocatesPayloadsWithoutCopyingThem) {
  const std::string bytes = WithInput(TensorBytes("x.0", 7, {3}, "abc")) + WithInput(TensorBytes("x.1", 7, {2}, "de"));
  const std::vector<grpc::Slice> slices = Cut(bytes, 1000);
  ASSERT_OK_AND_ASSIGN(const DecodedRequest request, DecodeRequest(slices));
  ASSERT_EQ(request.payloads.size(), 2u);
  EXPECT_EQ(request.payloads[0].slice, 0u);
  EXPECT_EQ(bytes.substr(request.payloads[0].offset, 3), "abc");
  EXPECT_EQ(bytes.substr(request.payloads[1].offset, 2), "de");
  EXPECT_EQ(request.specs[1], (TensorSpec{"x.1", DType::kUint8, {2}}));
  EXPECT_EQ(request.header.inputs_size(), 0);
}

TEST(DecodeRequestTest, TakesNamesOfTheLimitAndRefusesOneByteMore) {
  for (const bool too_long : {false, true}) {
    const std::string name(static_cast<size_t>(kMaxNameBytes) + too_long, 'n');
    const auto code = too_long ? kInvalid : absl::StatusCode::kOk;
    EXPECT_THAT(Decode(WithInput(TensorBytes(name, 7, {1}, "a"))), StatusIs(code));
    EXPECT_THAT(Decode(BytesField(1, name)), StatusIs(code));
    EXPECT_THAT(Decode(BytesField(3, BytesField(2, name))), StatusIs(code));
  }
  const std::string longer(static_cast<size_t>(kMaxNameBytes) + 1, 'n');
  EXPECT_EQ(RefusedField(WithInput(TensorBytes("a", 7, {1}, "a")) + WithInput(TensorBytes(longer, 7, {1}, "a"))),
            "inputs[1].name");
  EXPECT_EQ(RefusedField(BytesField(1, longer)), "request_id");
  EXPECT_EQ(RefusedField(BytesField(3, BytesField(2, "a") + BytesField(2, longer))), "gradients.names[1]");
}

TEST(DecodeRequestTest, TakesInputsUpToTheLimitAndRefusesOneMore) {
  std::string bytes;
  for (int64_t i = 0; i < kMaxInputs; ++i) bytes += WithInput(TensorBytes(absl::StrCat("x.", i), 7, {1}, "a"));
  EXPECT_OK(Decode(bytes));
  EXPECT_EQ(RefusedField(bytes + WithInput(TensorBytes("one more", 7, {1}, "a"))), "inputs");
}

TEST(DecodeRequestTest, TakesGradientNamesUpToTheLimitOverAllParts) {
  std::string names;
  for (int64_t i = 0; i < kMaxGradientNames - 1; ++i) names += BytesField(2, "a");
  EXPECT_OK(Decode(BytesField(3, names) + BytesField(3, BytesField(2, "b"))));
  EXPECT_EQ(RefusedField(BytesField(3, names) + BytesField(3, BytesField(2, "b") + BytesField(2, "c"))),
            "gradients.names");
}

TEST(DecodeRequestTest, TakesRanksUpToTheLimitPackedOrNot) {
  std::string unpacked;
  for (int64_t i = 0; i < kMaxRank; ++i) unpacked += VarintField(3, 1);
  const std::string base = BytesField(1, "anchor.1") + VarintField(2, 7) + BytesField(15, "a");
  EXPECT_OK(Decode(WithInput(base + unpacked)));
  EXPECT_EQ(RefusedField(WithInput(base + unpacked + VarintField(3, 1))), "inputs[anchor.1].shape");
  EXPECT_OK(Decode(WithInput(base + BytesField(3, std::string(8, '\1')))));
  EXPECT_EQ(RefusedField(WithInput(base + BytesField(3, std::string(9, '\1')))), "inputs[anchor.1].shape");
  EXPECT_EQ(RefusedField(WithInput(base + unpacked + BytesField(3, "\1"))), "inputs[anchor.1].shape");
}

TEST(DecodeRequestTest, TakesHeadersUpToTheLimitHoweverLargePayloadsAre) {
  const std::string payload(8 << 20, 'p');
  const std::string input = WithInput(TensorBytes("x.0", 7, {8 << 20}, payload));
  const size_t header = input.size() - payload.size();
  const size_t room = static_cast<size_t>(kMaxHeaderBytes) - header - 5;  // The unknown field's tag and length.
  EXPECT_OK(Decode(input + BytesField(9, std::string(room, 'u'))));
  EXPECT_THAT(Decode(input + BytesField(9, std::string(room + 1, 'u'))),
              StatusIs(kInvalid, HasSubstr("expected at most 4194304 bytes outside Tensor.data")));
  // Also inside a tensor.
  EXPECT_THAT(Decode(WithInput(BytesField(9, std::string(5 << 20, 'u')))), StatusIs(kInvalid, HasSubstr("4194304")));
}

TEST(DecodeRequestTest, NamesTheFieldThatIsWrong) {
  const std::string good = WithInput(TensorBytes("x.0", 7, {1}, "a"));
  EXPECT_EQ(RefusedField(good + WithInput(TensorBytes("", 7, {2}, "a"))), "inputs[1].data");
  EXPECT_EQ(RefusedField(good + WithInput(TensorBytes("anchor.1", 1, {2}, "1234567"))), "inputs[anchor.1].data");
  EXPECT_EQ(RefusedField(good + WithInput(TensorBytes("anchor.1", 1, {-2}, ""))), "inputs[anchor.1].shape");
  EXPECT_EQ(RefusedField(WithInput(TensorBytes("a", 1, {int64_t{1} << 61, 4}, ""))), "inputs[a].shape");
  EXPECT_EQ(RefusedField(WithInput(TensorBytes("a", 0, {1}, "a"))), "inputs[a].dtype");
  EXPECT_EQ(RefusedField(WithInput(TensorBytes("a", 8, {1}, "a"))), "inputs[a].dtype");
  EXPECT_EQ(RefusedField(good + good), "inputs[1].name");
  EXPECT_EQ(RefusedField(WithInput(TensorBytes("a\x1f", 0, {1}, "a"))), "inputs[a\\037].dtype");
}

TEST(DecodeRequestTest, SaysWhereBytesAreMalformed) {
  const std::string bad = "\x0f";  // Wire type 7.
  EXPECT_EQ(RefusedField(bad), "message");
  EXPECT_EQ(RefusedField(WithInput(BytesField(1, "a") + bad)), "inputs[a]");
  EXPECT_EQ(RefusedField(WithInput(BytesField(1, "\xff"))), "inputs[0].name");
  EXPECT_EQ(RefusedField(WithInput(BytesField(1, "a") + BytesField(3, "\x80"))), "inputs[a].shape");
  EXPECT_EQ(RefusedField(BytesField(1, "\xff")), "request_id");
  EXPECT_EQ(RefusedField(BytesField(2, bad)), "loss");
  EXPECT_EQ(RefusedField(BytesField(2, BytesField(1, BytesField(1, "\xff")))), "loss");
  EXPECT_EQ(RefusedField(BytesField(3, bad)), "gradients");
  EXPECT_EQ(RefusedField(BytesField(3, BytesField(2, "\xff"))), "gradients.names[0]");
  EXPECT_EQ(RefusedField(BytesField(6, bad)), "options");
  EXPECT_THAT(Decode(BytesField(9, "four") + bad),
              StatusIs(kInvalid,
                       "message: malformed: expected a protobuf field, got other bytes before byte 7 of the "
                       "message"));
}

TEST(DecodeRequestTest, NestsGroupsAsDeepAsProtobuf) {
  std::string nested;
  for (int depth = 1; depth <= kMaxDepth; ++depth) nested = GroupField(9, nested);
  EXPECT_OK(Decode(nested));
  EXPECT_THAT(Decode(GroupField(9, nested)), StatusIs(kInvalid, HasSubstr("malformed")));
  EXPECT_EQ(RequestDisagreement(Cut(nested, 5)), "");
  EXPECT_EQ(RequestDisagreement(Cut(GroupField(9, nested), 5)), "");
  // A tensor is one level of nesting.
  const std::string tensor = TensorBytes("a", 7, {1}, "a");
  EXPECT_THAT(Decode(WithInput(tensor + nested)), StatusIs(kInvalid, HasSubstr("malformed")));
  EXPECT_EQ(RequestDisagreement(Cut(WithInput(tensor + nested), 5)), "");
}

TEST(DecodeRequestTest, RefusesEveryTruncationOfOneInput) {
  const std::string bytes = WithInput(TensorBytes("x.0", 1, {2, 1}, "12345678"));
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_THAT(Decode(bytes.substr(0, size)), StatusIs(kInvalid)) << size;
  }
}

TEST(DecodeRequestIdTest, FindsTheIdOfARefusedRequest) {
  const std::string bad_input = WithInput(TensorBytes("a", 0, {1}, "a"));
  EXPECT_EQ(DecodeRequestId(Cut(BytesField(1, "r7") + bad_input, 3)), "r7");
  EXPECT_EQ(DecodeRequestId(Cut(bad_input + BytesField(1, "r7"), 3)), "r7");
  EXPECT_EQ(DecodeRequestId(Cut(BytesField(1, "r6") + BytesField(1, "r7") + "\x0f", 3)), "r7");
}

TEST(DecodeRequestIdTest, IsEmptyWhereNoneCanBeRead) {
  EXPECT_EQ(DecodeRequestId({}), "");
  EXPECT_EQ(DecodeRequestId(Cut(std::string("\x0f") + BytesField(1, "r7"), 3)), "");
  EXPECT_EQ(DecodeRequestId(Cut(BytesField(1, "\xff"), 3)), "");
  EXPECT_EQ(DecodeRequestId(Cut(BytesField(1, std::string(257, 'r')), 64)), "");
}

TEST(DecodeRequestIdTest, StopsLookingAtTheHeaderLimit) {
  const std::string large = BytesField(9, std::string(static_cast<size_t>(kMaxHeaderBytes), 'u'));
  EXPECT_EQ(DecodeRequestId(Cut(large + BytesField(1, "r7"), 64 << 10)), "");
  const std::string payload = WithInput(TensorBytes("a", 7, {1}, std::string(5 << 20, 'p')));
  EXPECT_EQ(DecodeRequestId(Cut(payload + BytesField(1, "r7"), 64 << 10)), "r7");
}

TEST(UnknownLossMemberTest, TellsAnotherVersionsLossFromNone) {
  const auto member = [](const std::string& spec) {
    const auto request = Decode(BytesField(2, spec));
    return UnknownLossMember(request->header.loss());
  };
  EXPECT_EQ(member(""), std::nullopt);
  EXPECT_EQ(member(BytesField(3, "")), std::nullopt);
  EXPECT_EQ(member(BytesField(17, "another version's loss")), 17);
  EXPECT_EQ(member(BytesField(17, "") + BytesField(4, "")), std::nullopt);
  EXPECT_EQ(UnknownLossMember(v1::LossSpec()), std::nullopt);
}

}  // namespace
}  // namespace lossd::wire
