// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells the bytes of messages from all others that a connection brings.

#ifndef LOSSD_SERVER_CONNECTIONS_FRAME_METER_H_
#define LOSSD_SERVER_CONNECTIONS_FRAME_METER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace lossd {

// Reads the frames' headers (RFC 9113, section 4.1) of what a client sends, and no more of them. What does not begin as
// HTTP/2 does, as what is encrypted does not, is opaque: all of it counts as bytes of messages. Not thread-safe: one
// reads from a connection at a time.
//
//    kPreface -- "PRI * HTTP/2.0..." --> kHeader -- 9 bytes, length > 0 --> kPayload
//       |                                   ^ <------ length 0 ---'            |
//       | anything else                     '------------ its last byte -------'
//       v
//    kOpaque, for good
//
// Keeps no bytes but of a header that is not whole. Takes time by the frames, not by their bytes.
class FrameMeter {
 public:
  // Takes what came next, cut anywhere; how much of it belongs to messages, which is what DATA frames carry: also the
  // five bytes before a message, and padding.
  int64_t Take(absl::string_view bytes);

  bool opaque() const { return state_ == State::kOpaque; }
  // Bytes of the longest block of headers so far (HEADERS and the CONTINUATIONs behind it), ended or not; gRPC 1.51
  // keeps them all.
  int64_t longest_header_block() const { return longest_header_block_; }
  // Blocks of headers, which is how many calls it has opened.
  int64_t opened() const { return opened_; }
  // Bytes of messages since the last of them.
  int64_t since_opened() const { return since_opened_; }

 private:
  enum class State { kPreface, kHeader, kPayload, kOpaque };

  static constexpr size_t kHeaderBytes = 9;  // Length (3), type, flags, stream (4).

  // Each takes some of `bytes`, which are not empty; how many.
  size_t TakePreface(absl::string_view bytes);
  size_t TakeHeader(absl::string_view bytes);
  void OnHeader();

  State state_ = State::kPreface;
  size_t seen_ = 0;  // Of the preface, or of the frame's header:
  std::array<uint8_t, kHeaderBytes> header_ = {};
  uint32_t left_ = 0;  // Of the frame's payload.
  uint8_t type_ = 0;
  int64_t header_block_bytes_ = 0;  // Of the last.
  int64_t longest_header_block_ = 0;
  int64_t opened_ = 0;
  int64_t since_opened_ = 0;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_FRAME_METER_H_
