// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Clients that open calls faster than they can end, or send headers without end, and come back as soon as they are cut,
// in plain text and over TLS, against the real binary: memory is bounded, and another client is served.

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "tests/e2e/siege.h"
#include "tests/support/http2/byte_stream.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

constexpr double kMegabytes = 200;  // Over idle, all heap that is kept for reuse included.
// Over TLS frames are known only when they are decrypted. On a quiet machine a flood is then ahead of the server by
// some hundred megabytes, and a call of another client has been lost (SECURITY.md).
constexpr double kMegabytesOverTls = 1000;
constexpr int64_t kLostOverTls = 5;
constexpr int kClients = 8;
constexpr int kConnections = 6;  // Of each client, one after another.

// Sends `begin` and then `more` again and again, `times` at most, until the server has cut the connection; whether it
// has, or does within a minute if `wait`.
bool IsCut(ByteStream& stream, const std::string& begin, const std::string& more, int times, bool wait) {
  const std::string* sent = &begin;
  absl::string_view left = begin;
  char read[4096];
  while (times > 0 || wait) {
    if (times == 0) left = {};
    const auto written = stream.Write(left);
    if (!written.has_value()) return true;
    left.remove_prefix(*written);
    while (true) {
      const auto count = stream.Read(read, sizeof(read));
      if (!count.has_value()) return true;
      if (*count == 0) break;
    }
    if (times == 0) {
      pollfd ready = {stream.descriptor(), POLLIN, 0};
      if (poll(&ready, 1, 60'000) == 0) return false;
    } else if (left.empty()) {
      if (sent == &more) --times;
      sent = &more;
      left = more;
    } else if (*written == 0) {
      pollfd ready = {stream.descriptor(), POLLIN | POLLOUT, 0};
      poll(&ready, 1, 1000);
    }
  }
  return false;
}

class FloodTest : public ::testing::TestWithParam<bool> {
 protected:
  static bool Tls() { return GetParam(); }

  // Each client floods one connection after the other. How many of all were cut.
  int Flood(const std::string& begin, const std::string& more, int times, int64_t most_lost, bool wait = true) {
    std::atomic<int> cut = 0;
    std::vector<std::thread> clients;
    for (int client = 0; client < kClients; ++client) {
      clients.emplace_back([&] {
        for (int i = 0; i < kConnections; ++i) {
          const auto stream = ByteStream::Open(siege_.serving_address(), {.tls = Tls()});
          if (stream.ok() && IsCut(**stream, begin, more, times, wait)) ++cut;
        }
      });
    }
    std::thread watch([&] {
      for (std::thread& client : clients) client.join();
      over_ = true;
    });
    EXPECT_LE(siege_.bystander().TryCallsUntil([&] { return over_.load(); }, "in the flood"), most_lost)
        << siege_.bystander().last_error();
    watch.join();
    return cut;
  }

  std::atomic<bool> over_ = false;
  Siege siege_{{.tls = Tls()}};
};

TEST_P(FloodTest, CallsThatAreOpenedAndNeverEndCostTheirConnection) {
  std::string calls;
  for (uint32_t stream = 1; stream < 20'000; stream += 2) calls += HeadersOf(stream, {});
  EXPECT_EQ(Flood(ConnectionPreface(), calls, 1, Tls() ? kLostOverTls : 0), kClients * kConnections);
  EXPECT_LT(siege_.Megabytes(), Tls() ? kMegabytesOverTls : kMegabytes);
  std::cout << absl::StrFormat("flood: %.1f MB more at the peak\n", siege_.Megabytes());
  siege_.Lift();
}

TEST_P(FloodTest, CallsThatAreResetAtOnceCostLittleMemory) {
  std::string calls;
  for (uint32_t stream = 1; stream < 40'000; stream += 2) calls += HeadersOf(stream, {}) + ResetOf(stream);
  Flood(ConnectionPreface(), calls, 1, Tls() ? kLostOverTls : 0,
        /*wait=*/false);  // Those are not cut with which the server keeps up.
  EXPECT_LT(siege_.Megabytes(), Tls() ? kMegabytesOverTls : kMegabytes);
  std::cout << absl::StrFormat("flood: %.1f MB more at the peak\n", siege_.Megabytes());
  siege_.Lift();
}

TEST_P(FloodTest, HeadersWithoutEndCostTheirConnection) {
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(kDefaultFrameBytes, '\0')});
  EXPECT_EQ(Flood(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, ""}), more, 4'000, 0), kClients * kConnections);
  EXPECT_LT(siege_.Megabytes(), kMegabytes / 4);
  std::cout << absl::StrFormat("flood: %.1f MB more at the peak\n", siege_.Megabytes());
  siege_.Lift();
}

INSTANTIATE_TEST_SUITE_P(All, FloodTest, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& tls) { return tls.param ? "Tls" : "Plain"; });

}  // namespace
}  // namespace lossd::testing
