// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes messages with tensors as slices, without copying large payloads. Requests and responses share it.

#ifndef LOSSD_PROTO_WIRE_MESSAGE_WRITER_H_
#define LOSSD_PROTO_WIRE_MESSAGE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "core/tensor/tensor_spec.h"
#include "google/protobuf/message_lite.h"
#include "grpcpp/support/slice.h"

namespace lossd::wire {

// A message as bytes. Its slices keep alive what they refer to.
struct EncodedMessage {
  std::vector<grpc::Slice> slices;
  int64_t bytes = 0;           // Of all slices.
  int64_t payload_copies = 0;  // Payloads that were copied, none above kMaxInlinePayloadBytes.
};

// A slice over `bytes`, which `owner`, a copy or what was moved, keeps alive until the last reference to the slice is
// dropped, on any thread, perhaps with gRPC's locks held: destroying it must not block or call gRPC. Allocates the
// owner's place; the bytes must not change meanwhile.
template <typename Owner>
grpc::Slice SliceOver(const std::byte* bytes, size_t size, Owner owner) {
  return grpc::Slice(
      const_cast<std::byte*>(bytes), size, [](void* kept) { delete static_cast<Owner*>(kept); },
      new Owner(std::move(owner)));
}

// Builds one message, field by field, in the order of the calls. Not thread-safe.
//
//    slices   | fields, tensor a with its few bytes, head of tensor b | b's elements | head of tensor c, ... |
//               gathered_, copied or handed over                        `slice`        gathered_ again
class MessageWriter {
 public:
  MessageWriter() { gathered_.reserve(kMaxCopiedBytes); }

  // Appends all fields that are set in `fields`, unknown ones too. Of a message whose tensors were appended, or will
  // be, it has none of its own.
  void AppendFields(const google::protobuf::MessageLite& fields);

  // Appends a lossd.v1.Tensor as field `number` (1 to 15). A payload, of the spec's ByteSize, up to
  // kMaxInlinePayloadBytes is copied; of a larger one `slice` is asked for a slice over it, which becomes one of the
  // message.
  void AppendTensor(uint32_t number, const TensorSpec& spec, absl::Span<const std::byte> payload,
                    absl::FunctionRef<grpc::Slice()> slice);

  // The message. Nothing may be appended afterwards.
  EncodedMessage Finish() &&;

 private:
  // A message of so few bytes is copied once more, since that costs less than the memory that would own them.
  static constexpr size_t kMaxCopiedBytes = 2048;

  // Makes what was gathered a slice.
  void Flush();

  EncodedMessage message_;
  std::string gathered_;
};

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_MESSAGE_WRITER_H_
