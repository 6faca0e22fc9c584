// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a caller gets back.

#ifndef LOSSD_CLIENT_CPP_COMPUTE_RESPONSE_H_
#define LOSSD_CLIENT_CPP_COMPUTE_RESPONSE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/tensor/tensor.h"

namespace lossd::client {

// An output or a gradient: C order, contiguous, in memory of its own (aligned to kBufferAlignment, shared by copies) or
// in the caller's GradientTarget. Keeps its memory after the client is gone; that goes back to the client's pool, for
// the next results, with the last copy. Nobody writes to it but the caller; thread-safe to read.
class ResultTensor {
 public:
  // In memory of its own: the first ByteSize(spec) bytes of `buffer`.
  ResultTensor(TensorSpec spec, Buffer buffer) : ResultTensor(std::move(spec), buffer.data()) {
    buffer_ = std::move(buffer);
  }
  // In memory of the caller, which must outlive this.
  ResultTensor(TensorSpec spec, std::byte* bytes) : spec_(std::move(spec)), bytes_(bytes) {}

  const TensorSpec& spec() const { return spec_; }
  // ByteSize(spec()) bytes, valid as long as this or a copy is, or the target's memory.
  absl::Span<const std::byte> bytes() const { return {bytes_, static_cast<size_t>(ByteSize(spec_))}; }
  // Precondition: T has the size and kind of spec().dtype.
  template <typename T>
  absl::Span<const T> elements() const {
    return {reinterpret_cast<const T*>(bytes_), static_cast<size_t>(ElementCount(spec_.shape))};
  }

 private:
  TensorSpec spec_;
  const std::byte* bytes_;
  Buffer buffer_;
};

// Where a call's time went on the server, one after another; what is missing to the time of the call went into the
// network and this client.
struct Timing {
  absl::Duration decode;   // Arrival to queue.
  absl::Duration queue;    // In the queue.
  absl::Duration compute;  // The batch that the request was part of.
  absl::Duration encode;   // End of the computation to the transport.
  int32_t batch_requests = 0;
};

// The loss and its gradients. A value of its own: copies share the elements.
struct ComputeResponse {
  std::string request_id;
  double objective = 0;  // The scalar whose gradients these are.
  std::vector<ResultTensor> outputs;
  std::vector<ResultTensor> gradients;  // In the order of the inputs, then parameters in state_dict order.
  std::vector<std::string> nonfinite;   // Inputs, outputs and gradients that hold a NaN or an infinity.
  std::optional<Timing> timing;         // If asked for.

  // The output or gradient of this name; null if there is none. Looks through all of them; valid as long as this is not
  // changed.
  const ResultTensor* output(absl::string_view name) const;
  const ResultTensor* gradient(absl::string_view name) const;
};

// What a server is and can do; see GetServerInfoResponse in lossd/v1/loss_service.proto. Constant as long as a server
// runs; a target of several servers may answer differently each time.
struct ServerInfo {
  struct Device {
    std::string name;
    std::string description;
    int32_t threads = 0;
  };
  // An input as the loss knows it.
  struct Input {
    std::string name;                // `anchor.*` stands for `anchor.0`, ...
    std::vector<std::string> shape;  // Symbolic; empty: any.
    bool optional = false;
  };
  struct Loss {
    std::string name;
    std::string description;
    std::vector<Input> inputs;
    std::vector<std::string> outputs;
    std::vector<DType> dtypes;
  };
  struct Limits {
    // Bytes of a message; of all calls in flight, as they lie in memory; calls; operations of a request.
    int64_t max_message_bytes = 0;
    int64_t max_inflight_bytes = 0;
    int64_t max_concurrent_calls = 0;
    double max_request_flops = 0;
  };
  std::string version;
  std::string revision;
  std::vector<Device> devices;
  std::vector<Loss> losses;
  Limits limits;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_COMPUTE_RESPONSE_H_
