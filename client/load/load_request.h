// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes the request that a run sends again and again.

#ifndef LOSSD_CLIENT_LOAD_LOAD_REQUEST_H_
#define LOSSD_CLIENT_LOAD_LOAD_REQUEST_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/compute_request.h"
#include "client/cpp/loss_spec.h"
#include "core/tensor/dtype.h"
#include "core/tensor/tensor.h"

namespace lossd::load {

// A request as bytes, encoded once. All messages share its slices, and so the inputs' memory, which their owners keep:
// a message costs no copy of payloads. Immutable; thread-safe.
class LoadRequest {
 public:
  // Encodes; `message_timeout` goes into the message (streams). Precondition: every input has an owner.
  // INVALID_ARGUMENT where an input's bytes do not match.
  static absl::StatusOr<LoadRequest> Encode(const client::ComputeRequest& request,
                                            std::optional<absl::Duration> message_timeout);

  int64_t bytes() const { return bytes_; }
  // What all messages share, without a request_id. Valid as long as this.
  const std::vector<grpc::Slice>& slices() const { return slices_; }
  grpc::ByteBuffer Message() const;
  // The same with a request_id in front, of fewer than 128 bytes; the encoded request has none.
  grpc::ByteBuffer Message(const std::string& request_id) const;

 private:
  std::vector<grpc::Slice> slices_;
  int64_t bytes_ = 0;
};

// Inputs of a loss by one shape, as the loss describes them, without the optional ones: `maps` a side for
// feature_map_contrastive; labels are integers, one a row. Of inputs of a lower rank the first extents count. None
// where there is no loss; whether the loss takes them is the server's to say.
std::vector<TensorSpec> InputsOfShape(const client::LossSpec& loss, const Shape& shape, DType dtype, int maps);

// A tensor of normal variates (integers: 0 to 9), the same for equal seeds, in memory of its own. 16-bit floats are
// rounded.
Tensor RandomTensor(const TensorSpec& spec, uint64_t seed);

// `loss` with a seed where it would have the server draw, so that equal requests have equal answers.
client::LossSpec WithFixedDraws(client::LossSpec loss, uint64_t seed);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_LOAD_REQUEST_H_
