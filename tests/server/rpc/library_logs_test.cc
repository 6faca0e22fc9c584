// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/library_logs.h"

#include <grpc/support/log.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.pb.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::HasSubstr;

// What is logged at `least` and above, and on stderr besides, while `speak` runs.
struct Logged {
  std::string log;
  std::string errors;

  int64_t lines() const { return std::count(log.begin(), log.end(), '\n'); }
};

Logged LogOf(LogLevel least, const std::function<void()>& speak) {
  gpr_log_verbosity_init();  // Until then gRPC logs nothing.
  Logged logged;
  ::testing::internal::CaptureStderr();
  {
    Logger logger(least, LogFormat::kText, [&](absl::string_view lines) { logged.log += std::string(lines); });
    const LibraryLogs logs(logger);
    speak();
  }
  logged.errors = ::testing::internal::GetCapturedStderr();
  return logged;
}

void ParseTextThatIsNone() {
  grpc::health::v1::HealthCheckRequest request;
  EXPECT_FALSE(request.ParseFromString("\x0a\x01\xff"));
}

TEST(LibraryLogsTest, WhatProtobufSaysOfAMessageIsADebugLine) {
  const Logged debug = LogOf(LogLevel::kDebug, ParseTextThatIsNone);
  EXPECT_THAT(debug.log, HasSubstr(" DEBUG protobuf "));
  EXPECT_THAT(debug.log, HasSubstr("UTF-8"));
  EXPECT_EQ(debug.errors, "");
  const Logged info = LogOf(LogLevel::kInfo, ParseTextThatIsNone);
  EXPECT_EQ(info.log + info.errors, "");
}

TEST(LibraryLogsTest, ClientsCannotFillTheLog) {
  constexpr int kMessages = 1000;
  const Logged protobuf = LogOf(LogLevel::kDebug, [] {
    for (int i = 0; i < kMessages; ++i) ParseTextThatIsNone();
  });
  EXPECT_GE(protobuf.lines(), LibraryLogs::kBurst);
  EXPECT_LT(protobuf.lines(), kMessages / 2);
  const Logged grpc = LogOf(LogLevel::kWarning, [] {
    for (int i = 0; i < kMessages; ++i) gpr_log(GPR_ERROR, "%s", "bad client");
  });
  EXPECT_THAT(grpc.log, HasSubstr(" WARNING grpc text=\"bad client\""));
  EXPECT_LT(grpc.lines(), kMessages / 2);
}

TEST(LibraryLogsTest, ClosedListenersAreNoWarning) {
  EXPECT_EQ(LogOf(LogLevel::kWarning, [] { gpr_log(GPR_ERROR, "Failed accept4: Invalid argument"); }).log, "");
}

// Who cuts one says so.
TEST(LibraryLogsTest, ConnectionsThatWereCutOverTlsAreNoWarning) {
  const Logged logged = LogOf(LogLevel::kWarning, [] {
    gpr_log(GPR_ERROR, "SSL_read failed with error SSL_ERROR_SYSCALL.");
    gpr_log(GPR_ERROR, "Decryption error: TSI_PROTOCOL_FAILURE");
  });
  EXPECT_EQ(logged.log, "");
}

// Under AddressSanitizer a sink that goes while it is in use is found out.
TEST(LibraryLogsTest, ThreadsThatLogWhileItGoesFindSomethingOrNobody) {
  gpr_log_verbosity_init();
  std::atomic<bool> stop = false;
  std::thread grpc_thread([&stop] {
    while (!stop) gpr_log(GPR_ERROR, "from a thread that nobody joins");
  });
  for (int i = 0; i < 100; ++i) {
    const Logged logged = LogOf(LogLevel::kError, [] {});
    EXPECT_EQ(logged.log, "");
  }
  stop = true;
  grpc_thread.join();
}

}  // namespace
}  // namespace lossd
