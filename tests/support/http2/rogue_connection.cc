// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/rogue_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace lossd::testing {
namespace {

constexpr size_t kOutboxBytes = size_t{128} << 10;  // No more is composed while so much waits for the socket.
constexpr int64_t kReadBytes = int64_t{256} << 10;  // Of one step, so that other connections have their turn.
constexpr int64_t kPrefixBytes = 5;

}  // namespace

RogueConnection::RogueConnection(std::unique_ptr<ByteStream> stream, const RoguePlan& plan)
    : stream_(std::move(stream)), plan_(plan), calls_(static_cast<size_t>(plan.calls)) {
  outbox_ = ConnectionPreface(plan.window);
  if (plan.window > kDefaultWindow) outbox_ += WindowUpdateOf(0, kLargestWindow - kDefaultWindow);
  for (size_t i = 0; i < calls_.size(); ++i) {
    calls_[i].ending.name = plan.name;
    calls_[i].ending.path = plan.path;
    calls_[i].ending.with_token = !plan.token.empty();
    calls_[i].window = initial_window_;
    if (plan.announced.has_value()) calls_[i].total = kPrefixBytes + plan.sent;
    outbox_ += HeadersOf(static_cast<uint32_t>(2 * i + 1), {plan.path, plan.token});
  }
  open_calls_ = plan.calls;
}

void RogueConnection::Advance(absl::Time now) {
  if (IsOpen()) Flush(now);
  if (IsOpen() && WantsToRead(now)) Read(now);
  if (!IsOpen()) return;
  if (now >= begun_) Compose(now);
  Flush(now);
}

bool RogueConnection::HasSent() const {
  return std::all_of(calls_.begin(), calls_.end(), [](const Call& call) {
    return call.ending.how != Ending::How::kOpen || call.ending.sent == call.total;
  });
}

std::vector<Ending> RogueConnection::Endings(absl::Time now) const {
  std::vector<Ending> endings;
  for (const Call& call : calls_) {
    endings.push_back(call.ending);
    if (call.ending.how == Ending::How::kOpen) endings.back().after = Since(now);
  }
  return endings;
}

void RogueConnection::Read(absl::Time now) {
  const bool slowly = plan_.read_bytes > 0 && HasSent();
  const int64_t limit = slowly ? plan_.read_bytes : kReadBytes;
  int64_t read = 0;
  char chunk[16384];
  while (read < limit) {
    const auto got = stream_->Read(chunk, std::min(sizeof(chunk), static_cast<size_t>(limit - read)));
    if (!got.has_value()) return EndAll(now);
    if (*got == 0) break;
    read += static_cast<int64_t>(*got);
    reader_.Append({chunk, *got});
    while (const auto frame = reader_.Next()) Handle(*frame, now);
  }
  if (slowly && read > 0) next_read_ = now + plan_.read_pause;
}

void RogueConnection::Handle(const Frame& frame, absl::Time now) {
  const bool acknowledges = (frame.flags & kAck) != 0;
  Call* const call = Find(frame.stream);
  switch (frame.type) {
    case kSettingsFrame:
      if (!acknowledges) HandleSettings(frame);
      break;
    case kPingFrame:
      if (!acknowledges && plan_.answers_pings) outbox_ += ToBytes({kPingFrame, kAck, 0, frame.content});
      break;
    case kHeadersFrame:
    case kContinuationFrame:
      HandleHeaders(frame, now);
      break;
    case kDataFrame:
      HandleData(frame, now);
      break;
    case kWindowUpdateFrame:
      HandleWindow(frame);
      break;
    case kResetFrame:
      if (call == nullptr) break;
      if (call->ending.how == Ending::How::kOpen)
        call->ending.error = static_cast<uint32_t>(FromBigEndian(frame.content));
      End(*call, Ending::How::kReset, now);
      break;
    case kGoawayFrame:
      HandleGoaway(frame, now);
      break;
    default:
      break;
  }
}

void RogueConnection::HandleSettings(const Frame& frame) {
  const absl::string_view content = frame.content;
  for (size_t at = 0; at + 6 <= content.size(); at += 6) {
    const uint64_t name = FromBigEndian(content.substr(at, 2));
    const auto value = static_cast<int64_t>(FromBigEndian(content.substr(at + 2, 4)));
    if (name == kMaxFrameSetting) frame_bytes_ = value;
    if (name != kInitialWindowSetting) continue;
    for (Call& call : calls_) call.window += value - initial_window_;
    initial_window_ = value;
  }
  outbox_ += ToBytes({kSettingsFrame, kAck, 0, ""});
}

void RogueConnection::HandleHeaders(const Frame& frame, absl::Time now) {
  if (frame.type == kHeadersFrame) headers_ = Frame{frame.type, frame.flags, frame.stream, ""};
  absl::StrAppend(&headers_.content, frame.content);
  if ((frame.flags & kEndHeaders) == 0) return;
  const auto list = decoder_.Decode(headers_.content);
  Call* const call = Find(headers_.stream);
  if ((headers_.flags & kEndStream) == 0 || call == nullptr || call->ending.how != Ending::How::kOpen) return;
  for (const auto& [name, value] : list.value_or(HeaderList())) {
    if (name == "grpc-status" && !absl::SimpleAtoi(value, &call->ending.status)) call->ending.status = -1;
    if (name == "grpc-message") call->ending.message = value;
  }
  End(*call, Ending::How::kAnswered, now);
}

void RogueConnection::HandleData(const Frame& frame, absl::Time now) {
  const auto bytes = static_cast<uint32_t>(frame.content.size());
  if (Call* const call = Find(frame.stream)) {
    call->ending.received += bytes;
    if ((frame.flags & kEndStream) != 0) End(*call, Ending::How::kAnswered, now);
  }
  if (!plan_.opens_windows || bytes == 0) return;
  outbox_ += WindowUpdateOf(0, bytes) + WindowUpdateOf(frame.stream, bytes);
}

void RogueConnection::HandleWindow(const Frame& frame) {
  const auto bytes = static_cast<int64_t>(FromBigEndian(frame.content));
  if (frame.stream == 0) {
    window_ += bytes;
  } else if (Call* const call = Find(frame.stream)) {
    call->window += bytes;
  }
}

void RogueConnection::HandleGoaway(const Frame& frame, absl::Time now) {
  const auto last = static_cast<uint32_t>(FromBigEndian(absl::string_view(frame.content).substr(0, 4)));
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (2 * i + 1 > last) End(calls_[i], Ending::How::kGoaway, now);
  }
}

void RogueConnection::Compose(absl::Time now) {
  bool composed = true;
  while (composed && outbox_.size() < kOutboxBytes) {
    composed = false;
    for (size_t i = 0; i < calls_.size(); ++i) {
      composed |= ComposeData(static_cast<uint32_t>(2 * i + 1), calls_[i], now);
    }
  }
}

// The next frame of a call; whether there was one to send.
bool RogueConnection::ComposeData(uint32_t stream, Call& call, absl::Time now) {
  int64_t& sent = call.ending.sent;
  if (call.ending.how != Ending::How::kOpen || call.closed || (call.total == 0 && !plan_.half_close)) return false;
  int64_t bytes = std::min(call.total - sent, frame_bytes_);
  if (plan_.minds_windows) bytes = std::min({bytes, window_, call.window});
  if (plan_.bytes_per_second > 0) {
    const auto due =
        static_cast<int64_t>(absl::ToDoubleSeconds(now - begun_) * static_cast<double>(plan_.bytes_per_second));
    bytes = std::min(bytes, kPrefixBytes + due - sent);
  }
  const bool last = plan_.half_close && sent + std::max<int64_t>(bytes, 0) == call.total;
  if (bytes <= 0 && !last) return false;
  outbox_ += DataOf(stream, Content(sent, bytes), last);
  sent += bytes;
  window_ -= bytes;
  call.window -= bytes;
  call.closed = last;
  return true;
}

// Bytes of the prefix and the message.
std::string RogueConnection::Content(int64_t from, int64_t bytes) const {
  const std::string prefix = MessagePrefix(plan_.announced.value_or(0));
  std::string content;
  if (from < kPrefixBytes) content = prefix.substr(static_cast<size_t>(from), static_cast<size_t>(bytes));
  const int64_t at = std::max<int64_t>(from - kPrefixBytes, 0);
  const int64_t left = bytes - static_cast<int64_t>(content.size());
  if (plan_.message != nullptr && at < static_cast<int64_t>(plan_.message->size())) {
    content += plan_.message->substr(static_cast<size_t>(at), static_cast<size_t>(left));
  }
  content.resize(static_cast<size_t>(bytes), '\0');
  return content;
}

void RogueConnection::Flush(absl::Time now) {
  while (!outbox_.empty()) {
    const auto written = stream_->Write(outbox_);
    if (!written.has_value()) {
      Read(now);  // The server may have said why.
      return EndAll(now);
    }
    if (*written == 0) return;
    outbox_.erase(0, *written);
  }
  begun_ = std::min(begun_, now);
}

absl::Duration RogueConnection::Since(absl::Time now) const {
  return now < begun_ ? absl::ZeroDuration() : now - begun_;
}

RogueConnection::Call* RogueConnection::Find(uint32_t stream) {
  if (stream % 2 == 0 || stream / 2 >= calls_.size()) return nullptr;
  return &calls_[stream / 2];
}

void RogueConnection::End(Call& call, Ending::How how, absl::Time now) {
  if (call.ending.how != Ending::How::kOpen) return;
  call.ending.how = how;
  call.ending.after = Since(now);
  --open_calls_;
}

void RogueConnection::EndAll(absl::Time now) {
  for (Call& call : calls_) End(call, Ending::How::kClosed, now);
}

}  // namespace lossd::testing
