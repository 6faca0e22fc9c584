// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes the few frames of HTTP/2 with which a call of Compute begins, for clients that do what no gRPC client does.
// Formats: RFC 9113 (frames), RFC 7541 (headers), gRPC over HTTP/2 (messages).

#ifndef LOSSD_CLIENT_LOAD_HTTP2_FRAMES_H_
#define LOSSD_CLIENT_LOAD_HTTP2_FRAMES_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace lossd::load {

inline constexpr uint32_t kDefaultWindow = 65535;  // Of flow control, in bytes.

// How a connection begins: the preface and settings; `window` is what the server may send on a stream unasked.
std::string ConnectionPreface(uint32_t window = kDefaultWindow);

// A frame of any type.
std::string Http2Frame(char type, char flags, uint32_t stream, absl::string_view content);

// The headers of a call of `method`, "/package.Service/Method"; `encoding` is its grpc-encoding where not empty. Both
// below 127 bytes.
std::string CallHeaders(uint32_t stream, absl::string_view method, absl::string_view encoding = "");
// The same of Compute.
std::string ComputeHeaders(uint32_t stream, absl::string_view encoding = "");

// Bytes of a message, at most 16384. `last`: the client sends nothing more on the stream.
std::string DataFrame(uint32_t stream, absl::string_view content, bool last = false);

// Ends a stream at once (CANCEL).
std::string ResetFrame(uint32_t stream);

// What stands in front of a message of `bytes` bytes.
std::string MessagePrefix(uint32_t bytes, bool compressed = false);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_HTTP2_FRAMES_H_
