// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// HTTP/2 frame by frame, for clients that do what no gRPC client does. Formats: RFC 9113 (frames), gRPC over HTTP/2
// (messages).

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_FRAMES_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lossd::testing {

enum FrameType : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kResetFrame = 3,
  kSettingsFrame = 4,
  kPushPromiseFrame = 5,
  kPingFrame = 6,
  kGoawayFrame = 7,
  kWindowUpdateFrame = 8,
  kContinuationFrame = 9,
};

enum FrameFlag : uint8_t { kAck = 1, kEndStream = 1, kEndHeaders = 4, kPadded = 8, kPriority = 32 };

inline constexpr uint32_t kDefaultWindow = 65535;  // Of flow control, in bytes.
inline constexpr uint32_t kLargestWindow = 0x7fffffff;
inline constexpr uint32_t kDefaultFrameBytes = 16384;
inline constexpr uint16_t kInitialWindowSetting = 4;
inline constexpr uint16_t kMaxFrameSetting = 5;

struct Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string content;
};

// `value` in so many bytes, the highest first, and back.
std::string BigEndian(uint64_t value, int bytes);
uint64_t FromBigEndian(absl::string_view bytes);

std::string ToBytes(const Frame& frame);

// How a connection begins: the preface and settings; `window` is what the server may send on a stream unasked.
std::string ConnectionPreface(uint32_t window = kDefaultWindow);

// The headers of a call of `path`, whole in one frame. Token and encoding are left out where empty.
struct CallHeaders {
  std::string path = "/lossd.v1.LossService/Compute";
  std::string token = "";
  std::string encoding = "";
};
std::string HeadersOf(uint32_t stream, const CallHeaders& headers);

// Bytes of a message, as many as the server takes in a frame. `last`: the client sends nothing more on the stream.
std::string DataOf(uint32_t stream, absl::string_view content, bool last = false);

// Ends a stream at once (CANCEL).
std::string ResetOf(uint32_t stream);

// Lets the peer send so many bytes more, on a stream or (0) on all together.
std::string WindowUpdateOf(uint32_t stream, uint32_t bytes);

// What stands in front of a message of `bytes` bytes.
std::string MessagePrefix(uint32_t bytes, bool compressed = false);

// Cuts what is read into frames. Not thread-safe.
class FrameReader {
 public:
  void Append(absl::string_view bytes) { bytes_.append(bytes.data(), bytes.size()); }
  // The next whole frame.
  std::optional<Frame> Next();

 private:
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_FRAMES_H_
