// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/origin.h"

#include "client/cpp/grpc_status.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

Origin OriginOfGrpc(grpc::StatusCode code, const std::string& text) {
  return OriginOf(ToAbslStatus(grpc::Status(code, text)));
}

TEST(OriginOfTest, DetailsAreTheServers) {
  google::rpc::Status message;
  message.set_code(8);
  message.add_details()->PackFrom(google::rpc::QuotaFailure());
  EXPECT_EQ(OriginOf(ToAbslStatus(message)), Origin::kServer);
  EXPECT_EQ(OriginOf(ToAbslStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining", "bytes"))), Origin::kServer);
}

TEST(OriginOfTest, ReadsFromGrpcsTextWhoRefused) {
  EXPECT_EQ(OriginOfGrpc(grpc::StatusCode::UNAUTHENTICATED, "no token"), Origin::kServer);
  EXPECT_EQ(OriginOfGrpc(grpc::StatusCode::UNAVAILABLE, "connection refused"), Origin::kClient);
  EXPECT_EQ(OriginOfGrpc(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"), Origin::kClient);
  const auto too_long = [](const char* text) { return OriginOfGrpc(grpc::StatusCode::RESOURCE_EXHAUSTED, text); };
  EXPECT_EQ(too_long("Received message larger than max (5 vs. 4)"), Origin::kClient);
  EXPECT_EQ(too_long("CLIENT: Sent message larger than max (5 vs. 4)"), Origin::kClient);
  EXPECT_EQ(too_long("SERVER: Received message larger than max (5 vs. 4)"), Origin::kServer);
  EXPECT_EQ(too_long("full"), Origin::kServer);
}

TEST(OriginOfTest, WhatThisSideMakesIsItsOwn) {
  EXPECT_EQ(OriginOf(absl::ResourceExhaustedError("request of 5 bytes exceeds 4")), Origin::kClient);
  EXPECT_EQ(OriginOf(absl::InvalidArgumentError("timeout: expected more than 0")), Origin::kClient);
}

}  // namespace
}  // namespace lossd::client
