// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a caller sends: a loss, its inputs, and what it wants back.

#ifndef LOSSD_CLIENT_CPP_COMPUTE_REQUEST_H_
#define LOSSD_CLIENT_CPP_COMPUTE_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/loss_spec.h"
#include "core/tensor/tensor.h"

namespace lossd::client {

// The dtype of elements that are kept in `T`; kUnspecified for any other type. 16-bit floats have no C++ type: name
// theirs.
template <typename T>
constexpr DType DTypeOf() {
  if constexpr (std::is_same_v<T, float>) return DType::kFloat32;
  if constexpr (std::is_same_v<T, double>) return DType::kFloat64;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kInt64;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kUint8;
  return DType::kUnspecified;
}

// An input: a name, and elements in memory of the caller, little endian, C order, contiguous. The bytes are not copied
// before they reach the transport. They must stay valid and unchanged until the call's result is delivered; the client
// delivers no result while the transport still holds them. Where `owner` is set, it keeps them alive instead, and a
// call that fails early (a deadline, a cancellation) need not wait for the transport to let go of them.
struct InputTensor {
  TensorSpec spec;
  absl::Span<const std::byte> bytes;  // ByteSize(spec) bytes.
  std::shared_ptr<const void> owner;

  // Borrows `elements`, C order, of the extents `shape`. That there are as many as it says is checked when the request
  // is sent (INVALID_ARGUMENT, naming the input).
  template <typename T>
  static InputTensor Borrow(std::string name, Shape shape, absl::Span<const T> elements) {
    static_assert(DTypeOf<T>() != DType::kUnspecified, "no such element type on the wire");
    return {{std::move(name), DTypeOf<T>(), std::move(shape)},
            {reinterpret_cast<const std::byte*>(elements.data()), elements.size() * sizeof(T)},
            nullptr};
  }
  // Borrows raw elements, for 16-bit floats.
  static InputTensor Borrow(TensorSpec spec, absl::Span<const std::byte> bytes) {
    return {std::move(spec), bytes, nullptr};
  }
  // Shares `tensor`: its buffer is kept, and its elements must not be written to, until the transport lets go of them.
  static InputTensor Share(const Tensor& tensor);
};

// Which gradients are returned, and in what form. Integers have none; a name that matches no input with a gradient is
// an error of the server's (INVALID_ARGUMENT).
struct GradientOptions {
  enum class Mode { kAll, kNone, kNamed };
  Mode mode = Mode::kAll;          // kAll: of every floating input that was sent.
  std::vector<std::string> names;  // With kNamed: exact, or a prefix ending in `*`.
  std::optional<DType> dtype;      // Absent: that of the input.
  std::optional<double> scale;     // Multiplies every gradient before rounding (loss scaling). Default 1.
};

// Memory of the caller for one gradient: ByteSize of the gradient, exactly, and valid until the result is delivered,
// and as long as its ResultTensor is used. Written to before the result is delivered, also where the call then fails;
// of another size the call gets INVALID_ARGUMENT, after the server has computed.
struct GradientTarget {
  std::string name;
  absl::Span<std::byte> memory;
};

// What to do about NaN and infinities.
enum class NonfinitePolicy {
  kReport,  // Compute, and name what is not finite.
  kReject,  // Refuse non-finite inputs; answer OUT_OF_RANGE where finite inputs give a non-finite result.
};

// One loss over one group of tensors. A plain value: what is wrong with it is said when it is sent, or by the server.
// Threads may share one that none of them changes: the client takes a copy. What the copy refers to, the memory of
// inputs and of gradient_targets, it reads and writes on threads of its own until the result is delivered.
struct ComputeRequest {
  std::string request_id;  // Echoed; at most 256 bytes. In a stream, empty means: numbered by the client.
  LossSpec loss;           // None: INVALID_ARGUMENT.
  // In any order: the loss knows them by their names, each of which comes once and has at most 256 bytes.
  std::vector<InputTensor> inputs;
  GradientOptions gradients;
  // Where gradients go that should not lie in memory of the client. Targets of gradients that do not come are left as
  // they are; of two with a name the first counts.
  std::vector<GradientTarget> gradient_targets;
  NonfinitePolicy nonfinite_policy = NonfinitePolicy::kReport;
  bool timing = false;  // Ask for ComputeResponse::timing.
  // From the call to its result, all attempts together; in a stream, from the message's arrival at the server.
  // Absent: ClientOptions::timeout. Positive.
  std::optional<absl::Duration> timeout;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_COMPUTE_REQUEST_H_
