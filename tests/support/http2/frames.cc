// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/frames.h"

#include "absl/strings/str_cat.h"
#include "tests/support/http2/header_block.h"

namespace lossd::testing {
namespace {

constexpr size_t kHeaderBytes = 9;
constexpr uint32_t kCancel = 8;

}  // namespace

std::string BigEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

uint64_t FromBigEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string ToBytes(const Frame& frame) {
  return absl::StrCat(BigEndian(frame.content.size(), 3), BigEndian(frame.type, 1), BigEndian(frame.flags, 1),
                      BigEndian(frame.stream, 4), frame.content);
}

std::string ConnectionPreface(uint32_t window) {
  const std::string settings = absl::StrCat(BigEndian(kInitialWindowSetting, 2), BigEndian(window, 4));
  return absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ToBytes({kSettingsFrame, 0, 0, settings}));
}

std::string HeadersOf(uint32_t stream, const CallHeaders& headers) {
  HeaderList list = {{":method", "POST"},         {":scheme", "http"}, {":path", headers.path},
                     {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  if (!headers.token.empty()) list.emplace_back("authorization", absl::StrCat("Bearer ", headers.token));
  if (!headers.encoding.empty()) list.emplace_back("grpc-encoding", headers.encoding);
  return ToBytes({kHeadersFrame, kEndHeaders, stream, EncodeHeaders(list)});
}

std::string DataOf(uint32_t stream, absl::string_view content, bool last) {
  return ToBytes({kDataFrame, static_cast<uint8_t>(last ? kEndStream : 0), stream, std::string(content)});
}

std::string ResetOf(uint32_t stream) { return ToBytes({kResetFrame, 0, stream, BigEndian(kCancel, 4)}); }

std::string WindowUpdateOf(uint32_t stream, uint32_t bytes) {
  return ToBytes({kWindowUpdateFrame, 0, stream, BigEndian(bytes, 4)});
}

std::string MessagePrefix(uint32_t bytes, bool compressed) {
  return absl::StrCat(BigEndian(compressed ? 1 : 0, 1), BigEndian(bytes, 4));
}

std::optional<Frame> FrameReader::Next() {
  const absl::string_view left = absl::string_view(bytes_).substr(taken_);
  if (left.size() < kHeaderBytes) return std::nullopt;
  const size_t length = FromBigEndian(left.substr(0, 3));
  if (left.size() < kHeaderBytes + length) return std::nullopt;
  Frame frame;
  frame.type = static_cast<uint8_t>(left[3]);
  frame.flags = static_cast<uint8_t>(left[4]);
  frame.stream = static_cast<uint32_t>(FromBigEndian(left.substr(5, 4))) & kLargestWindow;
  frame.content = std::string(left.substr(kHeaderBytes, length));
  taken_ += kHeaderBytes + length;
  if (taken_ == bytes_.size() || taken_ > (size_t{1} << 16)) {
    bytes_.erase(0, taken_);
    taken_ = 0;
  }
  return frame;
}

}  // namespace lossd::testing
