// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/frame_meter.h"

#include <algorithm>
#include <cstring>

namespace lossd {
namespace {

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint8_t kData = 0, kHeaders = 1, kContinuation = 9;

}  // namespace

int64_t FrameMeter::Take(absl::string_view bytes) {
  int64_t of_messages = 0;
  while (!bytes.empty()) {
    size_t taken = 0;
    switch (state_) {
      case State::kOpaque:
        return of_messages + static_cast<int64_t>(bytes.size());
      case State::kPreface:
        taken = TakePreface(bytes);
        break;
      case State::kHeader:
        taken = TakeHeader(bytes);
        break;
      case State::kPayload:
        taken = std::min<size_t>(left_, bytes.size());
        left_ -= static_cast<uint32_t>(taken);
        if (type_ == kData) {
          of_messages += static_cast<int64_t>(taken);
          since_opened_ += static_cast<int64_t>(taken);
        }
        if (left_ == 0) state_ = State::kHeader;
        break;
    }
    bytes.remove_prefix(taken);
  }
  return of_messages;
}

size_t FrameMeter::TakePreface(absl::string_view bytes) {
  const absl::string_view expected = kPreface.substr(seen_, bytes.size());
  if (bytes.substr(0, expected.size()) != expected) {
    state_ = State::kOpaque;
    return 0;
  }
  seen_ += expected.size();
  if (seen_ == kPreface.size()) {
    state_ = State::kHeader;
    seen_ = 0;
  }
  return expected.size();
}

size_t FrameMeter::TakeHeader(absl::string_view bytes) {
  const size_t taken = std::min(kHeaderBytes - seen_, bytes.size());
  std::memcpy(header_.data() + seen_, bytes.data(), taken);
  seen_ += taken;
  if (seen_ == kHeaderBytes) OnHeader();
  return taken;
}

void FrameMeter::OnHeader() {
  seen_ = 0;
  left_ = uint32_t{header_[0]} << 16 | uint32_t{header_[1]} << 8 | header_[2];
  type_ = header_[3];
  if (left_ > 0) state_ = State::kPayload;
  if (type_ != kHeaders && type_ != kContinuation) return;
  if (type_ == kHeaders) {
    header_block_bytes_ = 0;
    ++opened_;
    since_opened_ = 0;
  }
  header_block_bytes_ += static_cast<int64_t>(kHeaderBytes) + left_;
  longest_header_block_ = std::max(longest_header_block_, header_block_bytes_);
}

}  // namespace lossd
