// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/http2_frames.h"

#include "absl/strings/str_cat.h"

namespace lossd::load {
namespace {

constexpr char kData = 0, kHeaders = 1, kReset = 3, kSettings = 4;
constexpr char kEndStream = 1, kEndHeaders = 4;
constexpr uint32_t kInitialWindowSize = 4;  // The setting's number.
constexpr uint32_t kCancel = 8;

std::string BigEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

// A literal header field that is not indexed; both below 127 bytes.
std::string Header(absl::string_view name, absl::string_view value) {
  std::string field(1, '\0');
  for (const absl::string_view text : {name, value}) {
    field += static_cast<char>(text.size());
    absl::StrAppend(&field, text);
  }
  return field;
}

}  // namespace

std::string ConnectionPreface(uint32_t window) {
  const std::string settings = absl::StrCat(BigEndian(kInitialWindowSize, 2), BigEndian(window, 4));
  return absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Http2Frame(kSettings, 0, 0, settings));
}

std::string Http2Frame(char type, char flags, uint32_t stream, absl::string_view content) {
  return absl::StrCat(BigEndian(content.size(), 3), std::string{type, flags}, BigEndian(stream, 4), content);
}

std::string CallHeaders(uint32_t stream, absl::string_view method, absl::string_view encoding) {
  std::string headers = absl::StrCat(Header(":method", "POST"), Header(":scheme", "http"), Header(":path", method),
                                     Header(":authority", "localhost"), Header("te", "trailers"),
                                     Header("content-type", "application/grpc"));
  if (!encoding.empty()) absl::StrAppend(&headers, Header("grpc-encoding", encoding));
  return Http2Frame(kHeaders, kEndHeaders, stream, headers);
}

std::string ComputeHeaders(uint32_t stream, absl::string_view encoding) {
  return CallHeaders(stream, "/lossd.v1.LossService/Compute", encoding);
}

std::string DataFrame(uint32_t stream, absl::string_view content, bool last) {
  return Http2Frame(kData, last ? kEndStream : 0, stream, content);
}

std::string ResetFrame(uint32_t stream) { return Http2Frame(kReset, 0, stream, BigEndian(kCancel, 4)); }

std::string MessagePrefix(uint32_t bytes, bool compressed) {
  return absl::StrCat(std::string(1, compressed ? '\1' : '\0'), BigEndian(bytes, 4));
}

}  // namespace lossd::load
