// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Messages that are parsed where they arrive.

#ifndef LOSSD_SERVER_RPC_SMALL_MESSAGE_H_
#define LOSSD_SERVER_RPC_SMALL_MESSAGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/received_message.h"

namespace lossd {

// Largest message of all methods that do not compute. One of them needs some dozens of bytes; what a client may send
// beyond is bounded here, because parsing takes twenty times its memory, and the time of the thread that moves all
// connections' bytes.
inline constexpr int64_t kMaxSmallMessageBytes = 64 << 10;

// Parses a message. RESOURCE_EXHAUSTED, without having parsed it, if it is larger than
// kMaxSmallMessageBytes; INVALID_ARGUMENT if the bytes are none of its type.
absl::Status ParseSmallMessage(const ReceivedMessage& bytes, google::protobuf::MessageLite& message);

// The bytes of `message`, in one slice of its own. Both copy, and are thread-safe.
grpc::ByteBuffer Serialized(const google::protobuf::MessageLite& message);

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_SMALL_MESSAGE_H_
