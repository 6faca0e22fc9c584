// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Every payload is copied once on its way in, and none above 64 KiB on its way out, however its bytes come.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/running_server.h"
#include "tests/support/credential_folder.h"
#include "tests/support/raw_call.h"
#include "tests/support/test_certificates.h"

namespace lossd::testing {
namespace {

constexpr int kMessages = 3;
constexpr size_t kLarge = 65'537;  // Floats: above 64 KiB.

std::string Message(int large_inputs) {
  v1::ComputeRequest request = MakeRequest({1, 2, 3});
  for (int i = 1; i <= large_inputs; ++i) {
    v1::Tensor* const input = request.add_inputs();
    *input = MakeRequest(std::vector<float>(kLarge, 0.5f)).inputs(0);
    input->set_name("x." + std::to_string(i));
  }
  return request.SerializeAsString();
}

// `message` in slices of `bytes`.
grpc::ByteBuffer Sliced(const std::string& message, size_t bytes) {
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < message.size(); i += bytes) slices.emplace_back(message.substr(i, bytes));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

struct CopiesCase {
  const char* name;
  const char* method;
  int large_inputs;
  size_t slice_bytes;
};

class PayloadCopiesTest : public ::testing::TestWithParam<CopiesCase> {};

void ExpectOneInAndNoneOut(RunningServer& server, const CopiesCase& copies) {
  const std::string message = Message(copies.large_inputs);
  if (std::string(copies.method) == "ComputeStream") {
    RawCall call(server.channel(), copies.method);
    for (int i = 0; i < kMessages; ++i) {
      ASSERT_TRUE(call.Write(Sliced(message, copies.slice_bytes)));
      ASSERT_TRUE(call.Read().has_value());
    }
    call.HalfClose();
    ASSERT_TRUE(call.End().ok());
  } else {
    for (int i = 0; i < kMessages; ++i) {
      RawCall call(server.channel(), copies.method);
      ASSERT_TRUE(call.Write(Sliced(message, copies.slice_bytes)));
      call.HalfClose();
      ASSERT_TRUE(call.End().ok());
    }
  }
  server.Stop();
  EXPECT_EQ(server.Metric("lossd_payload_copies_total{direction=\"in\"}"), kMessages * (1 + copies.large_inputs));
  // The loss, and the gradient of the small input.
  EXPECT_EQ(server.Metric("lossd_payload_copies_total{direction=\"out\"}"), kMessages * 2);
}

TEST_P(PayloadCopiesTest, OneInNoneOutAbove64KiB) {
  RunningServer server;
  ExpectOneInAndNoneOut(server, GetParam());
}

TEST_P(PayloadCopiesTest, TheSameOverTls) {
  const CertificateAuthority authority("authority");
  const CredentialFolder folder;
  folder.Write(authority.Issue("server"));
  ServerOptions options = TestOptions();
  folder.UseTls(options);
  RunningServer server(options, RealClock(), grpc::SslCredentials({authority.certificate(), "", ""}));
  ExpectOneInAndNoneOut(server, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Slicings, PayloadCopiesTest,
                         ::testing::Values(CopiesCase{"UnaryWhole", "Compute", 1, size_t{1} << 30},
                                           CopiesCase{"UnaryInOddSlices", "Compute", 2, 4097},
                                           CopiesCase{"UnaryInTinySlices", "Compute", 1, 61},
                                           CopiesCase{"UnaryLarge", "Compute", 9, 65'536},
                                           CopiesCase{"StreamWhole", "ComputeStream", 1, size_t{1} << 30},
                                           CopiesCase{"StreamInOddSlices", "ComputeStream", 2, 4097},
                                           CopiesCase{"StreamLarge", "ComputeStream", 9, 65'536}),
                         [](const auto& copies) { return copies.param.name; });

}  // namespace
}  // namespace lossd::testing
