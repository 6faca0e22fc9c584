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
#include "absl/time/time.h"
#include "core/scheduling/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/siege.h"
#include "tests/support/http2/byte_stream.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

constexpr double kMegabytes = 200;  // Over idle, all heap that is kept for reuse included.
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
  int Flood(const std::string& begin, const std::string& more, int times, bool wait = true) {
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
    EXPECT_EQ(siege_.bystander().TryCallsUntil([&] { return over_.load(); }, "in the flood"), 0)
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
  EXPECT_EQ(Flood(ConnectionPreface(), calls, 1), kClients * kConnections);
  EXPECT_LT(siege_.Megabytes(), kMegabytes);
  std::cout << absl::StrFormat("flood: %.1f MB more at the peak\n", siege_.Megabytes());
  siege_.Lift();
}

TEST_P(FloodTest, CallsThatAreResetAtOnceCostLittleMemory) {
  std::string calls;
  for (uint32_t stream = 1; stream < 40'000; stream += 2) calls += HeadersOf(stream, {}) + ResetOf(stream);
  Flood(ConnectionPreface(), calls, 1, /*wait=*/false);  // Those are not cut with which the server keeps up.
  EXPECT_LT(siege_.Megabytes(), kMegabytes);
  std::cout << absl::StrFormat("flood: %.1f MB more at the peak\n", siege_.Megabytes());
  siege_.Lift();
}

TEST_P(FloodTest, HeadersWithoutEndCostTheirConnection) {
  const std::string more = ToBytes({kContinuationFrame, 0, 1, std::string(kDefaultFrameBytes, '\0')});
  EXPECT_EQ(Flood(ConnectionPreface() + ToBytes({kHeadersFrame, 0, 1, ""}), more, 4'000), kClients * kConnections);
  EXPECT_LT(siege_.Megabytes(), kMegabytes / 4);
  std::cout << absl::StrFormat("flood: %.1f MB more at the peak\n", siege_.Megabytes());
  siege_.Lift();
}

// Sends `bytes` and waits for the end of `call`; false if the server has cut the connection.
bool IsAnswered(ByteStream& stream, absl::string_view bytes, FrameReader& frames, uint32_t call) {
  char read[4096];
  while (true) {
    const auto written = stream.Write(bytes);
    if (!written.has_value()) return false;
    bytes.remove_prefix(*written);
    const auto count = stream.Read(read, sizeof(read));
    if (!count.has_value()) return false;
    frames.Append({read, *count});
    while (const auto frame = frames.Next()) {
      if (frame->type == kHeadersFrame && frame->stream == call && (frame->flags & kEndStream) != 0) return true;
    }
    pollfd ready = {stream.descriptor(), static_cast<int16_t>(bytes.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    if (*written == 0 && *count == 0 && poll(&ready, 1, 60'000) == 0) return false;
  }
}

class CancellingClientTest : public ::testing::TestWithParam<bool> {};

// As a loop of training does that starts many calls, takes the first answer, and lets the others go.
TEST_P(CancellingClientTest, KeepsItsConnectionAsLongAsItTakesAnAnswerInBetween) {
  constexpr int kRounds = 100, kCancelled = 250;
  Siege siege({.tls = GetParam(), .tokens = false});
  const auto stream = ByteStream::Open(siege.serving_address(), {.tls = GetParam()});
  ASSERT_TRUE(stream.ok()) << stream.status();
  const std::string message = NormRequest(10).SerializeAsString();
  FrameReader frames;
  uint32_t call = 1;
  const absl::Time start = RealClock().TimeNow();
  for (int round = 0; round < kRounds; ++round) {
    std::string calls = round == 0 ? ConnectionPreface() : "", resets;
    for (int i = 0; i < kCancelled; ++i, call += 2) {
      calls += HeadersOf(call, {});
      (i % 2 == 0 ? resets : calls) += ResetOf(call);
    }
    calls += resets + HeadersOf(call, {}) +
             DataOf(call, MessagePrefix(static_cast<uint32_t>(message.size())) + message, /*last=*/true);
    ASSERT_TRUE(IsAnswered(**stream, calls, frames, call)) << round;
    call += 2;
  }
  std::cout << absl::StrFormat("%.0f calls cancelled a second\n",
                               kRounds * kCancelled / absl::ToDoubleSeconds(RealClock().TimeNow() - start));
  siege.Lift();
}

std::string Name(const ::testing::TestParamInfo<bool>& tls) { return tls.param ? "Tls" : "Plain"; }

INSTANTIATE_TEST_SUITE_P(All, FloodTest, ::testing::Bool(), Name);
INSTANTIATE_TEST_SUITE_P(All, CancellingClientTest, ::testing::Bool(), Name);

}  // namespace
}  // namespace lossd::testing
