// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/listen_address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ListenAddressTest, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:50051", "[::1]:0", "localhost:65535", "unix:/run/lossd.sock"}) {
    ASSERT_OK_AND_ASSIGN(const ListenAddress address, ParseListenAddress(text));
    EXPECT_EQ(ListenAddressText(address), text);
  }
}

TEST(ListenAddressTest, RefusesAnythingElseNamingIt) {
  for (const char* text : {"", "host", ":1", "host:", "host:x", "host:-1", "host:65536", "::1:5", "[::1:5", "unix:x"}) {
    EXPECT_THAT(ParseListenAddress(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string("got \"") + text + "\"")));
  }
}

TEST(ListenAddressTest, SecondBinderOfAPortFailsWithTheSystemsReason) {
  ASSERT_OK_AND_ASSIGN(const BoundSocket first, BindTcp({"127.0.0.1", 0, ""}));
  EXPECT_GT(first.port, 0);
  EXPECT_THAT(BindTcp({"127.0.0.1", first.port, ""}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Address already in use")));
  close(first.fd);
}

TEST(ListenAddressTest, UnixPathsAreAsLongAsTheSystemTakes) {
  EXPECT_OK(ParseListenAddress("unix:/" + std::string(106, 'x')));
  EXPECT_THAT(
      ParseListenAddress("unix:/" + std::string(107, 'x')),
      StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("at most 107 bytes"), HasSubstr("got 108"))));
}

// A unix socket that listens at `path`, or did: its file stays.
class UnixListener {
 public:
  explicit UnixListener(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
  }
  ~UnixListener() { close(fd_); }

 private:
  const int fd_;
};

TEST(ListenAddressTest, PathIsFreeUnlessSomebodyAnswersThere) {
  const testing::TemporaryFolder folder;
  const ListenAddress address{"", 0, folder.File("socket")};
  EXPECT_OK(CheckPathIsFree(address));  // Nothing is there.
  {
    const UnixListener listener(address.unix_path);
    EXPECT_THAT(CheckPathIsFree(address),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("another server answers")));
    EXPECT_THAT(CheckPathIsFree(address), StatusIs(absl::StatusCode::kUnavailable));  // Also when it is busy.
    EXPECT_THAT(CheckPathIsFree(address), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_OK(CheckPathIsFree(address));  // What a server that was killed leaves behind.
}

TEST(ListenAddressTest, PathThatNobodyCanUseIsLeftToBind) {
  EXPECT_OK(CheckPathIsFree({"", 0, "/" + std::string(200, 'x')}));
}

TEST(ListenAddressTest, HostThatIsNoneFails) {
  EXPECT_THAT(BindTcp({"256.1.1.1", 0, ""}), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ListenAddressTest, TellsUnixAddressesFromOthers) {
  EXPECT_TRUE(IsUnixAddress("unix:/run/lossd.sock"));
  EXPECT_FALSE(IsUnixAddress("unix.example:50051"));
  EXPECT_FALSE(IsUnixAddress("127.0.0.1:0"));
}

}  // namespace
}  // namespace lossd
