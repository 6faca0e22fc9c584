// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/broken_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/load/socket_connection.h"
#include "client/load/wait_until.h"

namespace lossd::load {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr char kData = 0, kHeaders = 1, kSettings = 4;
constexpr char kEndHeaders = 4;
constexpr int64_t kMaxSent = 16000;  // Within one frame and the first window of flow control.

std::string BigEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string Frame(char type, char flags, uint32_t stream, const std::string& content) {
  std::string frame = BigEndian(content.size(), 3);
  frame += type;
  frame += flags;
  return frame + BigEndian(stream, 4) + content;
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

std::string BeginningOfCall(absl::string_view authority, int64_t message_bytes, int64_t sent) {
  const std::string headers =
      absl::StrCat(Header(":method", "POST"), Header(":scheme", "http"),
                   Header(":path", "/lossd.v1.LossService/Compute"), Header(":authority", authority.substr(0, 100)),
                   Header("te", "trailers"), Header("content-type", "application/grpc"));
  // Not compressed, so long.
  const std::string message =
      absl::StrCat(std::string(1, '\0'), BigEndian(static_cast<uint64_t>(message_bytes), 4),
                   std::string(static_cast<size_t>(std::clamp<int64_t>(sent, 0, kMaxSent)), 'z'));
  return absl::StrCat(kPreface, Frame(kSettings, 0, 0, ""), Frame(kHeaders, kEndHeaders, 1, headers),
                      Frame(kData, 0, 1, message));
}

BrokenCalls::BrokenCalls(std::string target, int64_t message_bytes, Chaos* chaos)
    : target_(std::move(target)), message_bytes_(message_bytes), chaos_(chaos), thread_([this] { Run(); }) {}

BrokenCalls::~BrokenCalls() {
  stop_ = true;
  thread_.join();
}

void BrokenCalls::Run() {
  while (!stop_) {
    auto connection = SocketConnection::Open(target_, absl::Seconds(1));
    const auto sent =
        static_cast<int64_t>(chaos_->NextShare() * static_cast<double>(std::min(kMaxSent, message_bytes_)));
    if (connection.ok() && connection->Write(BeginningOfCall("localhost", message_bytes_, sent)).ok()) ++connections_;
    WaitUntil(RealClock(), RealClock().TimeNow() + chaos_->NextDelay());
  }
}

}  // namespace lossd::load
