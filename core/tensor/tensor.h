// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A tensor with its elements.

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

// A dense tensor, C order and contiguous, over a part of a shared buffer. Copies share the elements. The dtype of the
// spec is that of the elements in memory. Thread-compatible.
class Tensor {
 public:
  // Without a name and elements.
  Tensor() = default;
  // Over `buffer` from byte `offset`, a multiple of kBufferAlignment, on.
  Tensor(TensorSpec spec, Buffer buffer, size_t offset = 0)
      : Tensor(std::make_shared<const TensorSpec>(std::move(spec)), std::move(buffer), offset) {}
  // Shares `spec`, which is not null, with the plan that it stands in.
  Tensor(std::shared_ptr<const TensorSpec> spec, Buffer buffer, size_t offset = 0)
      : spec_(std::move(spec)), buffer_(std::move(buffer)), offset_(offset) {}

  const TensorSpec& spec() const { return spec_ != nullptr ? *spec_ : NoSpec(); }
  const Buffer& buffer() const { return buffer_; }
  std::byte* bytes() const { return buffer_.data() + offset_; }
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
