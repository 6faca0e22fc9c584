// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// One connection of a client that does what no gRPC client does.

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_CONNECTION_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/http2/byte_stream.h"
#include "tests/support/http2/frames.h"
#include "tests/support/http2/header_block.h"
#include "tests/support/http2/rogue_plan.h"

namespace lossd::testing {

// Carries a plan out step by step, as whoever owns it has time to spare. Not thread-safe.
class RogueConnection {
 public:
  // Begins all calls. `plan` is not owned and outlives this.
  RogueConnection(std::unique_ptr<ByteStream> stream, const RoguePlan& plan);

  // Reads and writes what can be without waiting.
  void Advance(absl::Time now);
  // Whether a call is still open; nothing is left to do otherwise.
  bool IsOpen() const { return open_calls_ > 0; }
  // Whether every open call has sent what it was to.
  bool HasSent() const;
  int descriptor() const { return stream_->descriptor(); }
  // Whether it waits for the socket to take bytes, or to have some.
  bool WantsToWrite() const { return !outbox_.empty(); }
  bool WantsToRead(absl::Time now) const { return now >= next_read_; }

  // What became of each call by `now`.
  std::vector<Ending> Endings(absl::Time now) const;

 private:
  struct Call {
    Ending ending;
    int64_t window = 0;
    int64_t total = 0;  // Bytes to send, with the prefix.
    bool closed = false;
  };

  void Read(absl::Time now);
  void Handle(const Frame& frame, absl::Time now);
  absl::Duration Since(absl::Time now) const;
  void HandleSettings(const Frame& frame);
  void HandleHeaders(const Frame& frame, absl::Time now);
  void HandleData(const Frame& frame, absl::Time now);
  void HandleWindow(const Frame& frame);
  void HandleGoaway(const Frame& frame, absl::Time now);
  void Compose(absl::Time now);
  bool ComposeData(uint32_t stream, Call& call, absl::Time now);
  std::string Content(int64_t from, int64_t bytes) const;
  void Flush(absl::Time now);
  Call* Find(uint32_t stream);
  void End(Call& call, Ending::How how, absl::Time now);
  void EndAll(absl::Time now);

  const std::unique_ptr<ByteStream> stream_;
  const RoguePlan& plan_;
  absl::Time begun_ = absl::InfiniteFuture();  // When the headers had left.
  absl::Time next_read_ = absl::InfinitePast();
  FrameReader reader_;
  HeaderDecoder decoder_;
  Frame headers_;  // A block that is not whole yet.
  std::string outbox_;
  std::vector<Call> calls_;  // Of streams 1, 3, 5, ...
  int open_calls_ = 0;
  int64_t window_ = kDefaultWindow;          // Of the server, for all calls together,
  int64_t initial_window_ = kDefaultWindow;  // and for each.
  int64_t frame_bytes_ = kDefaultFrameBytes;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_CONNECTION_H_
