// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a client does that no gRPC client does, and what becomes of it.

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_PLAN_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {

// One connection and the calls on it, all alike and begun at once.
struct RoguePlan {
  std::string name = "";  // For people.
  int calls = 1;
  std::string path = "/lossd.v1.LossService/Compute";
  std::string token = "";  // Empty: none.

  // Of each call: a prefix that announces a message of so many bytes; nullopt: headers alone.
  std::optional<uint32_t> announced = std::nullopt;
  int64_t sent = 0;                                      // Bytes that follow the prefix,
  std::shared_ptr<const std::string> message = nullptr;  // these, then zeros.
  bool half_close = false;                               // Behind the last of them.
  int64_t bytes_per_second = 0;                          // 0: as fast as it goes.
  bool minds_windows = true;                             // Of the server.

  // Of the connection.
  bool tls = false;
  uint32_t window = kDefaultWindow;  // What the server may send on a call unasked,
  bool opens_windows = true;         // and again as often as it has; as much on all together.
  // Once all messages are sent: bytes read at a time, with the pause between; 0: all there is.
  int64_t read_bytes = 0;
  absl::Duration read_pause = absl::ZeroDuration();
  bool answers_pings = true;
};

// What became of a call.
struct Ending {
  enum class How {
    kOpen,      // Nothing so far.
    kAnswered,  // Trailers, with a status.
    kReset,
    kGoaway,  // The connection took no such call.
    kClosed,  // The connection ended.
  };

  std::string name;  // Of the plan.
  std::string path;
  bool with_token = false;
  How how = How::kOpen;
  int status = -1;           // kAnswered: gRPC's code, or -1 if there is none.
  std::string message = "";  // kAnswered: the text of the error.
  uint32_t error = 0;        // kReset: HTTP/2's code.
  absl::Duration after;      // Since the call began; of an open one: until now.
  int64_t sent = 0;          // Bytes of the message, with its prefix.
  int64_t received = 0;      // Bytes of the answer, likewise.
};

// For people.
std::string Describe(const Ending& ending);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_ROGUE_PLAN_H_
