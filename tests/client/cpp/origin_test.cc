// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/origin.h"

#include "client/cpp/grpc_status.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

TEST(OriginOfTest, TellsTheServersRefusalFromThisSides) {
  google::rpc::Status message;
  message.set_code(8);
  message.add_details()->PackFrom(google::rpc::QuotaFailure());
  EXPECT_EQ(OriginOf(ToAbslStatus(message)), Origin::kServer);
  EXPECT_EQ(OriginOf(absl::UnauthenticatedError("no token")), Origin::kServer);
  EXPECT_EQ(OriginOf(absl::UnavailableError("connection refused")), Origin::kClient);
  EXPECT_EQ(OriginOf(absl::ResourceExhaustedError("Received message larger than max (5 vs. 4)")), Origin::kClient);
  EXPECT_EQ(OriginOf(absl::ResourceExhaustedError("SERVER: Received message larger than max (5 vs. 4)")),
            Origin::kServer);
}

}  // namespace
}  // namespace lossd::client
