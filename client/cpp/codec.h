// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns requests into bytes over the caller's memory, and bytes into responses.

#ifndef LOSSD_CLIENT_CPP_CODEC_H_
#define LOSSD_CLIENT_CPP_CODEC_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/compute_request.h"
#include "client/cpp/compute_response.h"
#include "client/cpp/payload_hold.h"
#include "core/tensor/buffer_pool.h"

namespace lossd::client {

// Encodes `request`; payloads stay where they are and are kept alive by their owner or, where they are only lent, held
// by `hold`. `message_timeout`, if any, goes into the message (streams). INVALID_ARGUMENT where an input has not as
// many bytes as its spec says, naming the input, RESOURCE_EXHAUSTED for a message of more than `max_message_bytes`.
// Nothing of `request` but its memory is used later. Thread-safe, as the following one.
absl::StatusOr<grpc::ByteBuffer> EncodeRequest(const ComputeRequest& request, int64_t max_message_bytes,
                                               std::optional<absl::Duration> message_timeout, const PayloadHold& hold);

// What came back for one message. Holds nothing of the transport's.
struct Answer {
  std::string request_id;
  absl::StatusOr<ComputeResponse> result;  // An error where the server sent one in-band.
};

// Decodes an answer, copying each gradient once: into its target where there is one, else into memory of `pool`.
// `targets_of` gives the targets for a request_id (null: nobody waits for it; then nothing is copied). INTERNAL for
// bytes that are no response, before `targets_of` is called; INVALID_ARGUMENT in `result` for a target of the wrong
// size. `bytes` may go afterwards.
absl::StatusOr<Answer> DecodeAnswer(
    const grpc::ByteBuffer& bytes, BufferPool& pool,
    absl::FunctionRef<const std::vector<GradientTarget>*(const std::string&)> targets_of);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_CODEC_H_
