// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A tensor with its elements.
//
//   Tensor scores({"scores", DType::kFloat32, {8, 8}}, pool.Allocate(8 * 8 * sizeof(float)));
//   absl::Span<float> elements = scores.elements<float>();  // Row after row, uninitialised.

#ifndef LOSSD_CORE_TENSOR_TENSOR_H_
#define LOSSD_CORE_TENSOR_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// A dense tensor, C order (the last extent varies fastest) and contiguous, over a part of a shared buffer. The dtype of
// the spec is that of the elements in memory: 16-bit floats that were widened are kFloat32.
//
// Copies share the elements, and so do tensors over other parts of the buffer, whose memory goes back to its pool with
// the last of them, on whichever thread that is. Thread-compatible; elements are not guarded: who writes them sees to
// it that nobody else looks at them meanwhile.
class Tensor {
 public:
  // Without a name and elements.
  Tensor() = default;
  // Over `buffer` from byte `offset`, a multiple of kBufferAlignment, on. The buffer has room for the elements, or is
  // empty.
  Tensor(TensorSpec spec, Buffer buffer, size_t offset = 0)
      : Tensor(std::make_shared<const TensorSpec>(std::move(spec)), std::move(buffer), offset) {}
  // Shares `spec`, which is not null, with the plan that it stands in.
  Tensor(std::shared_ptr<const TensorSpec> spec, Buffer buffer, size_t offset = 0)
      : spec_(std::move(spec)), buffer_(std::move(buffer)), offset_(offset) {}

  // Name, dtype and shape. Valid as long as this is.
  const TensorSpec& spec() const { return spec_ != nullptr ? *spec_ : NoSpec(); }
  // All of it, which may have more than these elements. Empty: there are none.
  const Buffer& buffer() const { return buffer_; }
  // The first element's first byte, aligned to kBufferAlignment. To be written through const tensors, too.
  std::byte* bytes() const { return buffer_.data() + offset_; }
  // Of the elements, by the spec: without padding.
  int64_t byte_size() const { return ByteSize(spec()); }
  int64_t element_count() const { return ElementCount(spec().shape); }

  // The elements. Precondition: T has the size and kind of the spec's dtype.
  template <typename T>
  T* data() const {
    return reinterpret_cast<T*>(bytes());
  }
  template <typename T>
  absl::Span<T> elements() const {
    return absl::MakeSpan(data<T>(), static_cast<size_t>(element_count()));
  }

 private:
  static const TensorSpec& NoSpec() {
    static const TensorSpec* const spec = new TensorSpec;
    return *spec;
  }

  std::shared_ptr<const TensorSpec> spec_;  // Null: NoSpec().
  Buffer buffer_;
  size_t offset_ = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_TENSOR_H_
