// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/frame_meter.h"

#include <algorithm>

namespace lossd {
namespace {

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint32_t kHeaderBytes = 9;  // Length (3), type, flags, stream (4).
constexpr uint8_t kData = 0, kHeaders = 1, kContinuation = 9;
constexpr uint8_t kEndHeaders = 4;

}  // namespace

int64_t FrameMeter::Take(absl::string_view bytes) {
  int64_t of_messages = 0;
  while (!bytes.empty()) {
    size_t taken = 1;
    if (state_ == State::kOpaque) return of_messages + static_cast<int64_t>(bytes.size());
    if (state_ == State::kPreface) {
      if (bytes[0] != kPreface[seen_]) {
        state_ = State::kOpaque;
        continue;
      }
      if (++seen_ == kPreface.size()) {
        state_ = State::kHeader;
        seen_ = 0;
      }
    } else if (state_ == State::kHeader) {
      TakeHeader(static_cast<uint8_t>(bytes[0]));
    } else {
      taken = std::min<size_t>(left_, bytes.size());
      left_ -= static_cast<uint32_t>(taken);
      if (type_ == kData) of_messages += static_cast<int64_t>(taken);
      if (left_ == 0) state_ = State::kHeader;
    }
    bytes.remove_prefix(taken);
  }
  return of_messages;
}

void FrameMeter::TakeHeader(uint8_t byte) {
  if (seen_ < 3) left_ = (seen_ == 0 ? 0 : left_ << 8) | byte;
  if (seen_ == 3) type_ = byte;
  if (seen_ == 4) flags_ = byte;
  if (++seen_ < kHeaderBytes) return;
  seen_ = 0;
  if (left_ > 0) state_ = State::kPayload;
  if (type_ == kHeaders) header_block_bytes_ = 0;
  if (type_ == kHeaders || type_ == kContinuation) {
    header_block_bytes_ += kHeaderBytes + left_;
    if ((flags_ & kEndHeaders) != 0) header_block_bytes_ = 0;
  }
}

}  // namespace lossd
