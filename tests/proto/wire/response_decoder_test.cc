// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/response_decoder.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/payload.h"
#include "proto/wire/response_encoder.h"
#include "tests/proto/wire/protobuf_oracle.h"
#include "tests/proto/wire/random_message.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(DecodeResponseTest, AgreesWithProtobufOnAnyOrderAndSlicing) {
  for (uint32_t seed = 0; seed < 2'000; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = RandomResponse(random);
    ASSERT_OK(DecodeResponse(Cut(bytes, 64))) << "seed " << seed;
    ASSERT_EQ(ResponseDisagreement(CutAtRandom(bytes, random)), "") << "seed " << seed;
  }
}

TEST(DecodeResponseTest, AgreesWithProtobufOnTruncationsAndMutations) {
  for (uint32_t seed = 0; seed < 10'000; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = RandomResponse(random);
    ASSERT_EQ(ResponseDisagreement(CutAtRandom(bytes.substr(0, random() % bytes.size()), random)), "") << seed;
    ASSERT_EQ(ResponseDisagreement(CutAtRandom(Mutated(bytes, random), random)), "") << "seed " << seed;
  }
}

TEST(DecodeResponseTest, ReadsWhatTheEncoderWrote) {
  BufferPool pool(0);
  const TensorSpec spec = {"z", DType::kFloat32, {50'000}};
  const Tensor gradient(spec, pool.Allocate(200'000));
  for (float& x : gradient.elements<float>()) x = 2.5f;
  v1::ComputeResponse header;
  header.set_objective(0.75);
  const EncodedMessage message = EncodeResponse(header, {}, {gradient});

  ASSERT_OK_AND_ASSIGN(const DecodedResponse response, DecodeResponse(message.slices));
  EXPECT_EQ(response.header.objective(), 0.75);
  ASSERT_EQ(response.gradients.specs.size(), 1u);
  EXPECT_EQ(response.gradients.specs[0], spec);
  std::vector<float> copied(50'000);
  CopyPayload(message.slices, response.gradients.payloads[0], reinterpret_cast<std::byte*>(copied.data()));
  EXPECT_EQ(copied, std::vector<float>(50'000, 2.5f));
}

TEST(DecodeResponseTest, CallsAMalformedResponseTheServersFault) {
  EXPECT_THAT(DecodeResponse(Cut(BytesField(15, TensorBytes("z", 7, {2}, "a")), 64)),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("gradients[z].data: expected 2 bytes")));
}

}  // namespace
}  // namespace lossd::wire
