// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/broken_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/load/http2_frames.h"
#include "client/load/socket_connection.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(1);
constexpr int64_t kMaxSent = 16000;  // Within one frame and the first window of flow control.

}  // namespace

std::string BeginningOfCall(int64_t message_bytes, int64_t sent) {
  const std::string content(static_cast<size_t>(std::clamp<int64_t>(sent, 0, kMaxSent)), 'z');
  return absl::StrCat(ConnectionPreface(), ComputeHeaders(1),
                      DataFrame(1, MessagePrefix(static_cast<uint32_t>(message_bytes)) + content));
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
