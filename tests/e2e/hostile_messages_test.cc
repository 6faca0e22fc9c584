// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Messages that are too long, compressed or malformed, against the real binary: each is refused, costs bounded memory,
// and harms nobody else. Figures are printed, not asserted.

#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/bystander.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/raw_call.h"

namespace lossd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int64_t kCalls = 300;  // Of the bystander, each time.

// `megabytes` MiB of zeros that take one of memory.
grpc::ByteBuffer Zeros(size_t megabytes) {
  const std::vector<grpc::Slice> slices(megabytes, grpc::Slice(std::string(1 << 20, '\0')));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

class HostileMessagesTest : public ::testing::Test {
 protected:
  HostileMessagesTest() : channel_(OwnChannel(server_.address())), bystander_(server_.address()) {
    bystander_.MakeCalls(kCalls, "in peace");
    server_.ForgetPeak();
    before_ = server_.Megabytes();
  }

  grpc::Status Send(const std::string& message) { return ComputeWithBytes(channel_, message); }

  // Sends `message` while the bystander calls; the attack's status.
  grpc::Status Attack(const std::string& what, const grpc::ByteBuffer& message, bool compressed) {
    grpc::Status status;
    std::thread attacker([&] {
      RawCall call(channel_, "Compute", compressed);
      call.Write(message);
      status = call.End();
    });
    const int64_t failed = bystander_.TryCalls(kCalls, what);
    attacker.join();
    std::cout << absl::StrFormat("%s: %d of the other client's calls failed\n", what, failed);
    std::cout << absl::StrFormat("%s: resident memory %.1f MB before, %.1f MB at its peak\n", what, before_,
                                 server_.PeakMegabytes());
    return status;
  }

  WatchedServer server_{{"--threads=1", "--log_level=warning", "--max_message_bytes=4194304"}};
  std::shared_ptr<grpc::Channel> channel_;
  Bystander bystander_;
  double before_ = 0;  // MB.
};

// gRPC 1.51 frees memory by ending calls of whichever connection comes first: another client's may be among them.
TEST_F(HostileMessagesTest, GigabyteAgainstALimitOfFourMegabytesIsNotBuffered) {
  const grpc::Status status = Attack("a message of 1 GiB", Zeros(1024), /*compressed=*/false);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_LT(server_.PeakMegabytes() - before_, 300);
  bystander_.MakeCall();
}

TEST_F(HostileMessagesTest, GzipBombIsNotUnpacked) {
  const grpc::Status status = Attack("256 MiB of zeros in gzip", Zeros(256), /*compressed=*/true);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("gzip"));
  EXPECT_LT(server_.PeakMegabytes() - before_, 100);
  bystander_.MakeCall();
}

// A field with its tag: wire type 2 of `number`.
std::string Delimited(int number, const std::string& content) {
  return absl::StrCat(std::string(1, static_cast<char>(number << 3 | 2)),
                      std::string(1, static_cast<char>(content.size())), content);
}

TEST_F(HostileMessagesTest, MalformedProtobufOfEveryKindIsInvalidAndSaysWhere) {
  const std::string loss = Delimited(2, Delimited(4, ""));
  const std::string tensor_head = Delimited(1, "x.0") + "\x10\x01";
  const std::vector<std::pair<std::string, std::string>> malformed = {
      {"a tag that does not end", "\xff\xff\xff"},
      {"a tag of more than ten bytes", std::string(11, '\xff')},
      {"field number 0", std::string("\x02\x00", 2)},
      {"wire type 6", "\x0e\x01"},
      {"wire type 7", "\x0f\x01"},
      {"a group that begins", "\x0b"},
      {"a group that ends", "\x0c"},
      {"a group of another number", "\x0b\x14"},
      {"a varint that does not end", "\x20\x80\x80"},
      {"a varint of eleven bytes", absl::StrCat("\x20", std::string(10, '\x80'), "\x01")},
      {"four bytes of which three came", "\x25\x01\x02\x03"},
      {"eight bytes of which one came", "\x21\x01"},
      {"a length beyond the end", "\x0a\x7f"},
      {"a length of 2^63", absl::StrCat("\x0a", std::string(9, '\xff'), "\x01")},
      {"a length that does not end", "\x0a\x80"},
      {"a name that is not UTF-8", Delimited(1, "\xc3\x28")},
      {"a number where a message is expected", "\x10\x05" + loss},
      {"a loss that is cut", "\x12\x05\x22"},
      {"garbage in the loss", Delimited(2, "\xff\xff\xff")},
      {"garbage in the gradients", loss + Delimited(3, "\xff\xff\xff")},
      {"garbage in the options", loss + Delimited(6, "\xff\xff\xff")},
      {"a tensor that is cut", loss + "\x7a\x20\x0a\x03x.0"},
      {"garbage in a tensor", loss + Delimited(15, "\xff\xff\xff")},
      {"a shape that is cut", loss + Delimited(15, tensor_head + "\x1a\x02\x80\x80" + Delimited(15, "1234"))},
      {"an extent of 2^63",
       loss + Delimited(15, tensor_head + "\x18" + std::string(9, '\xff') + "\x01" + Delimited(15, "1234"))},
      {"data shorter than the shape", loss + Delimited(15, tensor_head + "\x18\x02" + Delimited(15, "1234"))},
      {"data as a number", loss + Delimited(15, tensor_head + "\x18\x01\x78\x05")},
      {"nothing at all", ""},
      {"zeros", std::string(1000, '\0')},
      {"messages in each other",
       [] {
         std::string nested;
         while (nested.size() < 120) nested = Delimited(2, nested);
         return nested;
       }()},
  };
  for (const auto& [what, message] : malformed) {
    const grpc::Status status = Send(message);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << what << ": " << status.error_message();
    EXPECT_FALSE(status.error_message().empty()) << what;
    bystander_.MakeCall();
  }
}

TEST_F(HostileMessagesTest, RandomDamageToAGoodMessageNeverHarmsTheNextCall) {
  const std::string good = ContrastRequest(4, 4).SerializeAsString();
  std::mt19937 random(static_cast<uint32_t>(::testing::UnitTest::GetInstance()->random_seed()));
  for (int i = 0; i < 500; ++i) {
    std::string bad = good;
    for (uint32_t changes = 1 + random() % 4; changes > 0; --changes) {
      bad[random() % bad.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bad.resize(random() % bad.size());
    EXPECT_THAT(Send(bad).error_code(), AnyOf(grpc::StatusCode::OK, grpc::StatusCode::INVALID_ARGUMENT,
                                              grpc::StatusCode::UNIMPLEMENTED, grpc::StatusCode::RESOURCE_EXHAUSTED));
  }
  bystander_.MakeCalls(kCalls, "after 500 damaged messages");
  EXPECT_EQ(server_.process().Stop(), 0);
}

}  // namespace
}  // namespace lossd::testing
