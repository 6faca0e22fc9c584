// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/random_traffic.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/http2/frames.h"

namespace lossd::testing {
namespace {

constexpr const char* kPaths[] = {
    "/lossd.v1.LossService/Compute",
    "/lossd.v1.LossService/ComputeStream",
    "/lossd.v1.LossService/GetServerInfo",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.channelz.v1.Channelz/GetTopChannels",
    "/grpc.channelz.v1.Channelz/GetServers",
    "/grpc.channelz.v1.Channelz/GetSocket",
    "/nobody.knows/This",
    "/",
    "",
};
constexpr const char* kContentTypes[] = {"application/grpc", "application/grpc+proto", "application/grpc-web",
                                         "text/html",        "application/grpcx",      ""};
constexpr const char* kSchemes[] = {"https", "grpc", "ftp", "HTTP", "", "http,https"};
constexpr const char* kTrailers[] = {"", "gzip", "Trailers", "trailers, deflate", "\xff"};
constexpr const char* kTimeouts[] = {"1n",  "5m", "10S", "2562047H", "0S",    "99999999H", "100000000S",
                                     "-1S", "1",  "1x",  "S",        "0001S", "1 S",       "9223372036854775807n",
                                     ""};
constexpr const char* kEncodings[] = {"identity", "gzip", "deflate", "snappy", "gzip,identity", ""};
constexpr const char* kNames[] = {"user-agent", "x-request-id", "traceparent", "grpc-accept-encoding", "cookie"};
constexpr const char* kOddNames[] = {"grpc-trace-bin",
                                     "key-bin",
                                     "lb-token",
                                     "lb-cost-bin",
                                     "host",
                                     "connection",
                                     "grpc-status",
                                     "grpc-message",
                                     "grpc-previous-rpc-attempts",
                                     "grpc-tags-bin",
                                     "x-envoy-peer-metadata",
                                     "UPPER",
                                     ":extra",
                                     "with space",
                                     ""};
constexpr uint32_t kNumbers[] = {0,     1,     2,     4,     5,          255,        16383,
                                 16384, 16385, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff};
constexpr uint32_t kGoodWindows[] = {0, 1, 16384, 1 << 20};
constexpr uint64_t kMaxActs = 24;
constexpr size_t kMaxBytes = 300'000;
constexpr size_t kMaxGoodBytes = 40'000;  // Within the window of a server that has not been heard yet.

}  // namespace

std::string RandomTraffic::AnyBytes(uint64_t at_most) {
  std::string bytes(Below(at_most + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random_());
  return bytes;
}

std::string RandomTraffic::Connection() {
  wild_ = OneIn(2);
  std::string bytes = ConnectionPreface(Slips(4) ? Any(kNumbers) : OneIn(4) ? Any(kGoodWindows) : kDefaultWindow);
  if (Slips(20)) bytes = AnyBytes(200);
  uint32_t stream = 1;
  const size_t most = wild_ ? kMaxBytes : kMaxGoodBytes;
  for (uint64_t acts = 1 + Below(kMaxActs); acts > 0 && bytes.size() < most; --acts) {
    bytes += OneIn(3) ? OtherFrame(stream) : Call(stream);
    if (!Slips(12)) stream += 2;
  }
  if (Slips(2)) Damage(bytes);
  if (Slips(4)) bytes.resize(Below(bytes.size() + 1));
  return bytes;
}

std::string RandomTraffic::Call(uint32_t stream) {
  const uint8_t end = OneIn(10) ? kEndStream : 0;
  std::string bytes = HeaderFrames(stream, Block(Headers()), end);
  for (uint64_t more = Below(4); more > 0; --more) bytes += OneIn(6) ? OtherFrame(stream) : Messages(stream);
  if (OneIn(3)) bytes += DataOf(stream, "", true);
  if (OneIn(6)) bytes += ResetOf(stream);
  return bytes;
}

HeaderList RandomTraffic::Headers() {
  const bool odd = OneIn(4);
  const auto is = [this, odd](uint64_t times) { return odd && OneIn(times); };
  HeaderList headers = {{":method", is(6) ? "GET" : "POST"},
                        {":scheme", is(4) ? Any(kSchemes) : "http"},
                        {":path", Slips(20) ? AnyBytes(40) : std::string(Any(kPaths))},
                        {":authority", Slips(20) ? AnyBytes(300) : "localhost"},
                        {"te", is(4) ? Any(kTrailers) : "trailers"},
                        {"content-type", is(4) ? Any(kContentTypes) : "application/grpc"}};
  if (OneIn(2)) headers.emplace_back("authorization", Slips(3) ? AnyBytes(50) : "Bearer correct-horse-battery-staple");
  if (OneIn(3)) headers.emplace_back("grpc-timeout", Any(kTimeouts));
  if (OneIn(5)) headers.emplace_back("grpc-encoding", Any(kEncodings));
  for (uint64_t more = Below(4); more > 0; --more) {
    const char* const name = odd ? Any(kOddNames) : Any(kNames);
    const uint64_t size = OneIn(40) ? 9'000 : 30;
    headers.emplace_back(name, odd && wild_ ? AnyBytes(size) : std::string(Below(size), 'v'));
  }
  if (is(8)) headers.push_back(headers[Below(headers.size())]);
  if (is(8)) headers.erase(headers.begin() + static_cast<int64_t>(Below(headers.size())));
  if (is(8)) std::swap(headers[Below(headers.size())], headers[Below(headers.size())]);
  return headers;
}

std::string RandomTraffic::Block(const HeaderList& headers) {
  std::string block;
  if (Slips(10)) block += EncodeInteger(Any(kNumbers), 5, 0x20);  // A size for the table.
  for (const auto& [name, value] : headers) block += Field(name, value);
  if (Slips(10)) block += EncodeInteger(Any(kNumbers), 7, 0x80);  // What may be in the table.
  if (Slips(30)) block += AnyBytes(20);
  return block;
}

// A literal: kept in the table or not, or never; now and then one that claims to be in Huffman code.
std::string RandomTraffic::Field(absl::string_view name, absl::string_view value) {
  constexpr uint8_t kKinds[] = {0x00, 0x00, 0x10, 0x40};
  const uint8_t huffman = Slips(40) ? 0x80 : 0;
  return absl::StrCat(std::string(1, static_cast<char>(Any(kKinds))), EncodeInteger(name.size(), 7, 0), name,
                      EncodeInteger(value.size(), 7, huffman), value);
}

// In one frame, or with a few continuations, or with padding or a priority.
std::string RandomTraffic::HeaderFrames(uint32_t stream, const std::string& block, uint8_t flags) {
  if (OneIn(12)) {
    const std::string padding = AnyBytes(20);
    const std::string content = absl::StrCat(BigEndian(padding.size(), 1), block, padding);
    return ToBytes({kHeadersFrame, static_cast<uint8_t>(flags | kEndHeaders | kPadded), stream, content});
  }
  if (OneIn(12)) {
    const std::string content = absl::StrCat(BigEndian(Any(kNumbers), 4), BigEndian(Below(256), 1), block);
    return ToBytes({kHeadersFrame, static_cast<uint8_t>(flags | kEndHeaders | kPriority), stream, content});
  }
  std::string bytes;
  size_t at = 0;
  for (uint64_t cuts = OneIn(4) ? 1 + Below(8) : 0; cuts > 0; --cuts) {
    const size_t next = at + Below(block.size() - at + 1);
    bytes += ToBytes(
        {at == 0 && bytes.empty() ? kHeadersFrame : kContinuationFrame, flags, stream, block.substr(at, next - at)});
    at = next;
  }
  const uint8_t last = Slips(50) ? 0 : kEndHeaders;
  const uint8_t type = bytes.empty() ? kHeadersFrame : kContinuationFrame;
  return bytes + ToBytes({type, static_cast<uint8_t>(flags | last), stream, block.substr(at)});
}

// Messages, cut into frames anywhere.
std::string RandomTraffic::Messages(uint32_t stream) {
  std::string content;
  for (uint64_t count = 1 + Below(Slips(20) ? 40 : 2); count > 0; --count) content += Message();
  std::string bytes;
  while (!content.empty()) {
    const size_t size = std::min<size_t>(content.size(), OneIn(3) ? 1 + Below(content.size()) : kDefaultFrameBytes);
    bytes += DataOf(stream, content.substr(0, size));
    content.erase(0, size);
  }
  return bytes;
}

std::string RandomTraffic::Message() {
  std::string message = messages_.empty() || OneIn(5) ? AnyBytes(200) : messages_[Below(messages_.size())];
  if (OneIn(3)) Damage(message);
  const auto size = static_cast<uint32_t>(message.size());
  return MessagePrefix(OneIn(12) ? Any(kNumbers) : size, OneIn(20)) + message;
}

std::string RandomTraffic::OtherFrame(uint32_t stream) { return Slips(2) ? WildFrame(stream) : GoodFrame(stream); }

std::string RandomTraffic::GoodFrame(uint32_t stream) {
  switch (Below(6)) {
    case 0:
      return ToBytes({kSettingsFrame, 0, 0, BigEndian(kInitialWindowSetting, 2) + BigEndian(Any(kGoodWindows), 4)});
    case 1:
      return ToBytes({kPingFrame, 0, 0, "12345678"});
    case 2:
      return WindowUpdateOf(OneIn(2) ? 0 : stream, static_cast<uint32_t>(1 + Below(1'000)));
    case 3:
      return ResetOf(stream);
    case 4:
      return ToBytes({kPriorityFrame, 0, stream, BigEndian(0, 4) + "w"});
    default:
      return ToBytes({static_cast<uint8_t>(20 + Below(200)), static_cast<uint8_t>(Below(256)), stream, AnyBytes(60)});
  }
}

std::string RandomTraffic::WildFrame(uint32_t stream) {
  const uint32_t target = OneIn(3) ? 0 : OneIn(8) ? Any(kNumbers) : stream;
  switch (Below(9)) {
    case 0:
      return ToBytes({kSettingsFrame, static_cast<uint8_t>(OneIn(8) ? kAck : 0), 0, Settings()});
    case 1:
      return ToBytes({kPingFrame, static_cast<uint8_t>(OneIn(3) ? kAck : 0), 0, AnyBytes(12)});
    case 2:
      return WindowUpdateOf(target, Any(kNumbers));
    case 3:
      return ToBytes({kResetFrame, 0, target, BigEndian(Any(kNumbers), 4)});
    case 4:
      return ToBytes({kPriorityFrame, 0, target, AnyBytes(8)});
    case 5:
      return ToBytes({kGoawayFrame, 0, 0, BigEndian(Any(kNumbers), 4) + AnyBytes(20)});
    case 6:
      return ToBytes({kContinuationFrame, kEndHeaders, target, AnyBytes(50)});
    case 7:
      return DataOf(target, AnyBytes(100), OneIn(4));
    default:
      return ToBytes({static_cast<uint8_t>(Below(256)), static_cast<uint8_t>(Below(256)), target, AnyBytes(60)});
  }
}

std::string RandomTraffic::Settings() {
  std::string content;
  for (uint64_t count = Below(5); count > 0; --count) {
    content += BigEndian(OneIn(6) ? random_() : Below(10), 2) + BigEndian(Any(kNumbers), 4);
  }
  return OneIn(12) ? content + AnyBytes(5) : content;
}

void RandomTraffic::Damage(std::string& bytes) {
  for (uint64_t hits = 1 + Below(4); hits > 0 && !bytes.empty(); --hits) {
    const size_t at = Below(bytes.size());
    switch (Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << Below(8));
        break;
      case 2:
        bytes.erase(at, 1 + Below(16));
        break;
      case 3:
        bytes.insert(at, AnyBytes(16));
        break;
      default:
        bytes.insert(at, bytes.substr(Below(bytes.size()), Below(64)));
    }
  }
}

}  // namespace lossd::testing
