// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Connections that do what no gRPC client does, against the real binary: whatever they do, another client is served,
// memory stays bounded, and what they held is free again afterwards. Figures are printed, not asserted.

#include <sys/resource.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/load/socket_connection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/bystander.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/http2/frames.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using load::SocketConnection;

constexpr int64_t kCalls = 300;  // Of the bystander, each time.
constexpr char kHandled[] =
    "grpc_server_handled_total{grpc_code=\"CODE\",grpc_method=\"Compute\",grpc_service=\"lossd.v1.LossService\","
    "grpc_type=\"unary\"}";

// The series that counts calls that ended with `code`.
std::string Handled(const std::string& code) { return absl::StrReplaceAll(kHandled, {{"CODE", code}}); }

class HostileConnectionsTest : public ::testing::Test {
 protected:
  void StartServer(const std::vector<std::string>& flags) {
    std::vector<std::string> all = {"--threads=1", "--log_level=warning"};
    all.insert(all.end(), flags.begin(), flags.end());
    server_ = std::make_unique<WatchedServer>(all);
    bystander_ = std::make_unique<Bystander>(server_->address());
    bystander_->MakeCalls(kCalls, "in peace");
    server_->ForgetPeak();
    before_ = server_->Megabytes();
  }

  SocketConnection Connect() {
    auto connection = SocketConnection::Open(server_->address(), absl::Seconds(10));
    EXPECT_OK(connection.status());
    return *std::move(connection);
  }

  // The bystander is served during the attack; prints what it took of the server.
  void ExpectServed(const std::string& attack) {
    bystander_->MakeCalls(kCalls, attack);
    std::cout << absl::StrFormat("%s: resident memory %.1f MB before, %.1f MB at its peak\n", attack, before_,
                                 server_->PeakMegabytes());
  }

  // Nothing of the attack is left: a new client is served, and no bytes are held.
  void ExpectWellAgain() {
    Bystander newcomer(server_->address());
    newcomer.MakeCall();
    server_->AwaitMetric("lossd_inflight_bytes", 0);
    EXPECT_EQ(server_->process().Stop(), 0);
  }

  std::unique_ptr<WatchedServer> server_;
  std::unique_ptr<Bystander> bystander_;
  double before_ = 0;  // MB.
};

TEST_F(HostileConnectionsTest, TenThousandStreamsOnAConnectionAreTheEndOfIt) {
  StartServer({});
  const double connections = server_->Metric("lossd_connections");
  {
    SocketConnection attacker = Connect();
    std::string bytes = ConnectionPreface();  // Never acknowledges the server's settings, so knows no limit.
    for (uint32_t stream = 1; stream < 20'000; stream += 2) bytes += HeadersOf(stream, {});
    attacker.Write(bytes).IgnoreError();
    ExpectServed("10,000 streams on a connection");
    server_->AwaitMetric("lossd_connections", connections);
    EXPECT_LT(server_->PeakMegabytes() - before_, 150);
  }
  ExpectWellAgain();
}

TEST_F(HostileConnectionsTest, StreamsThatAreResetAtOnceLeaveNothingBehind) {
  StartServer({});
  {
    SocketConnection attacker = Connect();
    std::string bytes = ConnectionPreface();
    for (uint32_t stream = 1; stream < 20'000; stream += 2) bytes += HeadersOf(stream, {}) + ResetOf(stream);
    attacker.Write(bytes).IgnoreError();
    ExpectServed("10,000 streams reset at once");
    EXPECT_LT(server_->PeakMegabytes() - before_, 150);
  }
  ExpectWellAgain();
}

TEST_F(HostileConnectionsTest, SlowWritersAreCutOffAndOthersServed) {
  StartServer({"--transfer_timeout=1s", "--max_concurrent_calls=64"});
  {
    std::vector<SocketConnection> attackers;
    for (int i = 0; i < 8; ++i) {
      attackers.push_back(Connect());
      std::string bytes = ConnectionPreface();
      for (uint32_t stream = 1; stream < 16; stream += 2) {
        bytes += HeadersOf(stream, {}) + DataOf(stream, MessagePrefix(1'000'000) + "\x0a");
      }
      ASSERT_OK(attackers.back().Write(bytes));
    }
    // All places are taken until the watch has looked round; the bystander has its place back then.
    server_->AwaitMetric(Handled("CANCELLED"), 64);
    ExpectServed("64 slow writers");
  }
  ExpectWellAgain();
}

TEST_F(HostileConnectionsTest, SlowReadersAreCutOffAndTheirBytesComeBack) {
  StartServer({"--transfer_timeout=1s"});
  constexpr int kReaders = 32;
  const std::string message = NormRequest(12'000).SerializeAsString();
  {
    std::vector<SocketConnection> attackers;
    for (int i = 0; i < kReaders; ++i) {
      attackers.push_back(Connect());
      std::string bytes = ConnectionPreface(/*window=*/0) + HeadersOf(1, {});  // The answer is never asked for.
      bytes += DataOf(1, MessagePrefix(static_cast<uint32_t>(message.size())));
      for (size_t at = 0; at < message.size(); at += 16'000) bytes += DataOf(1, message.substr(at, 16'000));
      ASSERT_OK(attackers.back().Write(bytes));
    }
    ExpectServed("32 slow readers");
    server_->AwaitMetric(Handled("CANCELLED"), kReaders);
    server_->AwaitMetric("lossd_inflight_bytes", 0);
  }
  ExpectWellAgain();
}

TEST_F(HostileConnectionsTest, HalfOpenConnectionsCostLittle) {
  StartServer({});
  {
    const std::string preface = ConnectionPreface();
    std::vector<SocketConnection> attackers;
    for (size_t i = 0; i < 500; ++i) {
      attackers.push_back(Connect());
      ASSERT_OK(attackers.back().Write(preface.substr(0, i % (preface.size() + 1))));
    }
    ExpectServed("500 half-open connections");
    EXPECT_LT(server_->PeakMegabytes() - before_, 200);
    Bystander newcomer(server_->address());
    newcomer.MakeCall();
  }
  ExpectWellAgain();
}

TEST_F(HostileConnectionsTest, GarbageInFramesAndHeadersEndsTheConnectionOnly) {
  StartServer({});
  const std::string begun = ConnectionPreface() + HeadersOf(1, {});
  const std::vector<std::string> attacks = {
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      std::string(100, '\0'),
      ConnectionPreface() +
          ToBytes({kHeadersFrame, kEndHeaders, 1, std::string(100, '\xff')}),     // Headers that cannot be read.
      ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, ""}),                   // That do not end,
      ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, ""}) + DataOf(1, "x"),  // and are interrupted.
      ConnectionPreface() + DataOf(1, "x"),                                       // Data of a stream that is not open.
      ConnectionPreface() + HeadersOf(2, {}),                                     // A stream of the server's.
      ConnectionPreface() + HeadersOf(1, {}) + HeadersOf(1, {}),                  // Twice.
      ConnectionPreface() + ToBytes({kSettingsFrame, 0, 0, "12345"}),             // Settings of a wrong length.
      ConnectionPreface() + ToBytes({kWindowUpdateFrame, 0, 0, std::string(4, '\0')}),  // A window that does not grow,
      ConnectionPreface() + WindowUpdateOf(0, kLargestWindow),                          // and one that overflows.
      ConnectionPreface() + ToBytes({99, 99, 99, "unknown"}),
      begun + DataOf(1, MessagePrefix(0) + MessagePrefix(0) + MessagePrefix(0), true),  // Three messages.
      begun + DataOf(1, MessagePrefix(100) + "short", true),                            // Less than was promised.
      begun + DataOf(1, std::string("\x07\0\0\0\1x", 6), true),                         // A flag that does not exist.
      begun + DataOf(1, MessagePrefix(1, true) + "x", true),  // Compressed, without saying how.
      ConnectionPreface() + HeadersOf(1, {.encoding = "gzip"}) + DataOf(1, MessagePrefix(4, true) + "junk", true),
      ConnectionPreface() + HeadersOf(1, {.encoding = "bogus"}) + DataOf(1, MessagePrefix(4, true) + "junk", true),
      begun + DataOf(1, MessagePrefix(0xffffffff) + "x"),  // 4 GB announced.
      begun + DataOf(1, "\1"),                             // Less than a prefix,
      begun + DataOf(1, "\1", true),                       // for ever.
      begun + DataOf(1, "", true),
  };
  for (const std::string& attack : attacks) {
    SocketConnection attacker = Connect();
    attacker.Write(attack).IgnoreError();
    bystander_->MakeCall();
  }
  ExpectServed("malformed frames");
  ExpectWellAgain();
}

TEST_F(HostileConnectionsTest, RunningOutOfFileDescriptorsTurnsNewcomersAwayAndPasses) {
  StartServer({});
  const auto left = static_cast<rlim_t>(server_->OpenFiles() + 20);
  const rlimit few = {left, left};
  ASSERT_EQ(prlimit(server_->process().process().pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  {
    std::vector<SocketConnection> attackers;
    for (int i = 0; i < 100; ++i) {
      auto attacker = SocketConnection::Open(server_->address(), absl::Seconds(10));
      if (attacker.ok()) attackers.push_back(*std::move(attacker));
    }
    ExpectServed("no file descriptor left");
  }
  Bystander newcomer(server_->address());
  newcomer.MakeCalls(kCalls, "after file descriptors ran out");
  ExpectWellAgain();
}

}  // namespace
}  // namespace lossd::testing
