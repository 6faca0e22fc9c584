// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The bytes of a message as the transport has read them.

#ifndef LOSSD_SERVER_RPC_RECEIVED_MESSAGE_H_
#define LOSSD_SERVER_RPC_RECEIVED_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"

namespace lossd {

// A message's slices, and the buffer that they come from. Unlike a grpc::ByteBuffer, whose moves are copies, it costs
// nothing to hand on. One that was moved from, or is default-constructed, has no slices.
//
// The buffer goes last: when the last reference to bytes of gRPC 1.51's memory quota is dropped while the quota is
// under pressure, gRPC schedules work on its execution context, and crashes on a thread that has none. Destroying a
// ByteBuffer makes one; destroying a Slice does not. Not thread-safe, but may be handed from thread to thread.
class ReceivedMessage {
 public:
  ReceivedMessage() = default;
  // Takes the bytes of `message`, which is empty then. Copies none: the slices share the transport's memory, which
  // counts against its quota until they are gone.
  explicit ReceivedMessage(grpc::ByteBuffer& message) : buffer_(std::make_unique<grpc::ByteBuffer>()) {
    buffer_->Swap(&message);
    grpc::Slice slice;
    if (buffer_->TrySingleSlice(&slice).ok()) {  // Small messages have one, and to dump it takes longer.
      slices_.push_back(std::move(slice));
    } else {
      buffer_->Dump(&slices_).ok();  // Only decompressing fails, and compressed messages are refused before.
    }
  }
  // Of slices that no transport has made, as in tests. Shares their bytes.
  explicit ReceivedMessage(std::vector<grpc::Slice> slices) : slices_(std::move(slices)) {}
  ReceivedMessage(ReceivedMessage&&) noexcept = default;
  ReceivedMessage& operator=(ReceivedMessage&& other) noexcept {
    Clear();
    buffer_ = std::move(other.buffer_);
    slices_ = std::exchange(other.slices_, {});
    return *this;
  }

  // In order, cut anywhere, also within a field or an element, and aligned to nothing. Valid until this is cleared,
  // moved or destroyed.
  absl::Span<const grpc::Slice> slices() const { return slices_; }

  // Of all slices. Walks them: a message has one for each frame that it came in, or piece of one.
  int64_t bytes() const {
    int64_t bytes = 0;
    for (const grpc::Slice& slice : slices_) bytes += static_cast<int64_t>(slice.size());
    return bytes;
  }

  // Lets go of the transport's memory, on any thread. Empty then.
  void Clear() {
    slices_.clear();
    buffer_.reset();
  }

 private:
  std::unique_ptr<grpc::ByteBuffer> buffer_;  // Null: the slices are ours.
  std::vector<grpc::Slice> slices_;           // Behind the buffer, and so destroyed before it.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_RECEIVED_MESSAGE_H_
