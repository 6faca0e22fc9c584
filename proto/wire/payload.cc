// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/payload.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/tensor/convert.h"

static_assert(std::endian::native == std::endian::little, "payloads are little endian and copied as they are");

namespace lossd::wire {
namespace {

// Bytes that are copied before they are looked at: small enough to be in the first-level cache still.
constexpr int64_t kBlockBytes = 4 << 10;

// Calls visit(bytes, size) for each run of bytes of `range`, in order; no run is empty.
template <typename Visit>
void ForEachRun(absl::Span<const grpc::Slice> slices, const PayloadRange& range, Visit visit) {
  size_t offset = range.offset;
  int64_t left = range.length;
  for (size_t i = range.slice; left > 0; ++i, offset = 0) {
    const int64_t size = std::min(left, static_cast<int64_t>(slices[i].size() - offset));
    if (size > 0) visit(reinterpret_cast<const std::byte*>(slices[i].begin()) + offset, size);
    left -= size;
  }
}

// Copies runs of bytes to where they belong, and looks at each element as soon as it is complete.
class Copier {
 public:
  Copier(DType dtype, std::byte* destination)
      : dtype_(dtype), element_bytes_(static_cast<int64_t>(SizeOf(dtype))), destination_(destination) {}

  void Append(const std::byte* bytes, int64_t size) {
    while (size > 0) {
      const int64_t step = std::min(size, kBlockBytes);
      std::memcpy(destination_ + copied_, bytes, static_cast<size_t>(step));
      copied_ += step;
      bytes += step;
      size -= step;
      const int64_t count = (copied_ - seen_) / element_bytes_;
      finite_ &= AllFinite(dtype_, destination_ + seen_, count);
      seen_ += count * element_bytes_;
    }
  }
  bool finite() const { return finite_; }

 private:
  const DType dtype_;
  const int64_t element_bytes_;
  std::byte* const destination_;
  int64_t copied_ = 0;  // Bytes in the destination,
  int64_t seen_ = 0;    // and those of them that were looked at: whole elements.
  bool finite_ = true;
};

// Widens runs of bytes, also where an element straddles two of them.
class Widener {
 public:
  Widener(DType dtype, float* destination) : dtype_(dtype), destination_(destination) {}

  void Append(const std::byte* bytes, int64_t size) {
    if (straddles_) {
      const std::byte element[] = {first_byte_, *bytes};
      Take(element, 1);
      ++bytes;
      --size;
    }
    Take(bytes, size / 2);
    straddles_ = size % 2 != 0;
    if (straddles_) first_byte_ = bytes[size - 1];
  }
  bool finite() const { return finite_; }

 private:
  void Take(const std::byte* elements, int64_t count) {
    finite_ &= Widen(dtype_, elements, destination_, count);
    destination_ += count;
  }

  const DType dtype_;
  float* destination_;
  bool straddles_ = false;
  std::byte first_byte_ = {};  // Of the element that straddles.
  bool finite_ = true;
};

template <typename Sink>
bool Gather(absl::Span<const grpc::Slice> slices, const PayloadRange& range, Sink sink) {
  ForEachRun(slices, range, [&](const std::byte* bytes, int64_t size) { sink.Append(bytes, size); });
  return sink.finite();
}

}  // namespace

bool GatherPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, DType wire_dtype,
                   std::byte* destination) {
  if (IsHalf(wire_dtype)) return Gather(slices, range, Widener(wire_dtype, reinterpret_cast<float*>(destination)));
  return Gather(slices, range, Copier(wire_dtype, destination));
}

void CopyPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, std::byte* destination) {
  ForEachRun(slices, range, [&](const std::byte* bytes, int64_t size) {
    std::memcpy(destination, bytes, static_cast<size_t>(size));
    destination += size;
  });
}

}  // namespace lossd::wire
