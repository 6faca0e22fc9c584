// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/rogue_connection.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Time kStart = absl::UnixEpoch();

// A server that says what the test has it say.
class ScriptedStream final : public ByteStream {
 public:
  struct Script {
    std::string to_read;
    std::string written;
    bool gone = false;
  };
  explicit ScriptedStream(Script& script) : ByteStream(-1), script_(script) {}

  std::optional<size_t> Read(char* bytes, size_t size) override {
    if (script_.gone && script_.to_read.empty()) return std::nullopt;
    const size_t count = std::min(size, script_.to_read.size());
    script_.to_read.copy(bytes, count);
    script_.to_read.erase(0, count);
    return count;
  }
  std::optional<size_t> Write(absl::string_view bytes) override {
    if (script_.gone) return std::nullopt;
    script_.written.append(bytes.data(), bytes.size());
    return bytes.size();
  }

 private:
  Script& script_;
};

class RogueConnectionTest : public ::testing::Test {
 protected:
  void Begin() {
    connection_ = std::make_unique<RogueConnection>(std::make_unique<ScriptedStream>(script_), plan_);
    connection_->Advance(kStart);
  }
  void Say(const std::string& bytes, absl::Duration after = absl::ZeroDuration()) {
    script_.to_read += bytes;
    connection_->Advance(kStart + after);
  }
  Ending Outcome(absl::Duration after = absl::ZeroDuration()) { return connection_->Endings(kStart + after)[0]; }

  ScriptedStream::Script script_;
  RoguePlan plan_;
  std::unique_ptr<RogueConnection> connection_;
};

TEST_F(RogueConnectionTest, SendsAsMuchAsTheServersWindowsAllow) {
  plan_.announced = 200'000;
  plan_.sent = 199'999;
  Begin();
  EXPECT_EQ(Outcome().sent, kDefaultWindow);
  Say(WindowUpdateOf(1, 1'000));
  EXPECT_EQ(Outcome().sent, kDefaultWindow) << "The connection's window is used up.";
  Say(WindowUpdateOf(0, 100'000));
  EXPECT_EQ(Outcome().sent, kDefaultWindow + 1'000);
  Say(ToBytes({kSettingsFrame, 0, 0, BigEndian(kInitialWindowSetting, 2) + BigEndian(kDefaultWindow + 500, 4)}));
  EXPECT_EQ(Outcome().sent, kDefaultWindow + 1'500);
}

TEST_F(RogueConnectionTest, LeavesTheLastByteOut) {
  plan_.announced = 10;
  plan_.sent = 9;
  plan_.message = std::make_shared<const std::string>("abc");
  Begin();
  EXPECT_THAT(script_.written, HasSubstr(DataOf(1, MessagePrefix(10) + "abc" + std::string(6, '\0'))));
  EXPECT_EQ(Outcome(absl::Seconds(3)).how, Ending::How::kOpen);
  EXPECT_EQ(Outcome(absl::Seconds(3)).after, absl::Seconds(3));
}

TEST_F(RogueConnectionTest, MindsNoWindowsIfSoPlanned) {
  plan_.announced = 100'000;
  plan_.sent = 100'000;
  plan_.minds_windows = false;
  plan_.half_close = true;
  Begin();
  EXPECT_EQ(Outcome().sent, 100'005);
}

TEST_F(RogueConnectionTest, WritesAtItsPace) {
  plan_.announced = 10'000;
  plan_.sent = 10'000;
  plan_.bytes_per_second = 1'024;
  Begin();
  EXPECT_EQ(Outcome().sent, 5);
  Say("", absl::Seconds(2));
  EXPECT_EQ(Outcome().sent, 5 + 2 * 1'024);
}

TEST_F(RogueConnectionTest, AnswersPingsAndSettings) {
  Begin();
  Say(ToBytes({kPingFrame, 0, 0, "12345678"}) + ToBytes({kSettingsFrame, 0, 0, ""}));
  EXPECT_THAT(script_.written, HasSubstr(ToBytes({kPingFrame, kAck, 0, "12345678"})));
  EXPECT_THAT(script_.written, HasSubstr(ToBytes({kSettingsFrame, kAck, 0, ""})));
}

TEST_F(RogueConnectionTest, TellsHowACallWasAnswered) {
  Begin();
  const std::string trailers = EncodeHeaders({{"grpc-status", "8"}, {"grpc-message", "too much"}});
  Say(ToBytes({kHeadersFrame, kEndHeaders | kEndStream, 1, trailers}), absl::Seconds(2));
  EXPECT_FALSE(connection_->IsOpen());
  EXPECT_EQ(Outcome().how, Ending::How::kAnswered);
  EXPECT_EQ(Outcome().status, 8);
  EXPECT_EQ(Outcome().message, "too much");
  EXPECT_EQ(Outcome().after, absl::Seconds(2));
}

TEST_F(RogueConnectionTest, TellsAResetAGoawayAndAnEndOfTheConnection) {
  plan_.calls = 3;
  Begin();
  Say(ToBytes({kResetFrame, 0, 1, BigEndian(11, 4)}) +
      ToBytes({kGoawayFrame, 0, 0, BigEndian(3, 4) + BigEndian(0, 4)}));
  EXPECT_TRUE(connection_->IsOpen());
  script_.gone = true;
  Say("");
  const std::vector<Ending> endings = connection_->Endings(kStart);
  EXPECT_EQ(endings[0].how, Ending::How::kReset);
  EXPECT_EQ(endings[0].error, 11u);
  EXPECT_EQ(endings[1].how, Ending::How::kClosed);
  EXPECT_EQ(endings[2].how, Ending::How::kGoaway);
}

TEST_F(RogueConnectionTest, ReadsAtItsPaceAndOpensWindowsForThat) {
  plan_.window = kLargestWindow;
  plan_.read_bytes = 100;
  plan_.read_pause = absl::Seconds(4);
  Begin();
  Say(DataOf(1, std::string(91, 'x')) + DataOf(1, "y"));
  EXPECT_EQ(Outcome().received, 91);
  EXPECT_THAT(script_.written, HasSubstr(WindowUpdateOf(1, 91)));
  Say("", absl::Seconds(3));
  EXPECT_EQ(Outcome().received, 91);
  Say("", absl::Seconds(4));
  EXPECT_EQ(Outcome().received, 92);
}

TEST_F(RogueConnectionTest, GivesItsTokenIfItHasOne) {
  Begin();
  EXPECT_THAT(script_.written, Not(HasSubstr("authorization")));
  plan_.token = "secret";
  Begin();
  EXPECT_THAT(script_.written, HasSubstr("Bearer secret"));
}

}  // namespace
}  // namespace lossd::testing
