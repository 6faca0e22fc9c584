// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/broken_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/load/socket_connection.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(1);
constexpr int64_t kMaxSent = 16000;  // Within one frame and the first window of flow control.
constexpr char kData = 0, kHeaders = 1, kSettings = 4;
constexpr char kEndHeaders = 4;

std::string BigEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

// A frame of HTTP/2 on stream `stream`.
std::string Frame(char type, char flags, uint32_t stream, absl::string_view content) {
  return absl::StrCat(BigEndian(content.size(), 3), std::string{type, flags}, BigEndian(stream, 4), content);
}

// Headers as literals that are not indexed, each below 127 bytes.
std::string HeadersOfCompute() {
  constexpr std::pair<absl::string_view, absl::string_view> kFields[] = {
      {":method", "POST"},         {":scheme", "http"}, {":path", "/lossd.v1.LossService/Compute"},
      {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  std::string headers;
  for (const auto& [name, value] : kFields) {
    absl::StrAppend(&headers, BigEndian(0, 1), BigEndian(name.size(), 1), name, BigEndian(value.size(), 1), value);
  }
  return headers;
}

}  // namespace

std::string BeginningOfCall(int64_t message_bytes, int64_t sent) {
  const std::string content(static_cast<size_t>(std::clamp<int64_t>(sent, 0, kMaxSent)), 'z');
  const std::string prefix = absl::StrCat(BigEndian(0, 1), BigEndian(static_cast<uint32_t>(message_bytes), 4));
  return absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Frame(kSettings, 0, 0, ""),
                      Frame(kHeaders, kEndHeaders, 1, HeadersOfCompute()), Frame(kData, 0, 1, prefix + content));
}

absl::StatusOr<std::unique_ptr<BrokenCalls>> BrokenCalls::Start(const std::string& target, int64_t message_bytes,
                                                                Chaos* chaos) {
  LOSSD_RETURN_IF_ERROR(SocketConnection::Open(target, kTimeout).status());
  return std::unique_ptr<BrokenCalls>(new BrokenCalls(target, message_bytes, chaos));
}

BrokenCalls::BrokenCalls(std::string target, int64_t message_bytes, Chaos* chaos)
    : target_(std::move(target)), message_bytes_(message_bytes), chaos_(chaos), thread_([this] { Run(); }) {}

BrokenCalls::~BrokenCalls() {
  stop_.Trigger();
  thread_.join();
}

void BrokenCalls::Run() {
  do {
    auto connection = SocketConnection::Open(target_, kTimeout);
    const auto sent =
        static_cast<int64_t>(chaos_->NextShare() * static_cast<double>(std::min(kMaxSent, message_bytes_)));
    if (connection.ok() && connection->Write(BeginningOfCall(message_bytes_, sent)).ok()) chaos_->Count();
  } while (stop_.WaitUntil(RealClock(), RealClock().TimeNow() + chaos_->NextDelay()));
}

}  // namespace lossd::load
