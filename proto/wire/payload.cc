// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/payload.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/tensor/convert.h"

static_assert(std::endian::native == std::endian::little, "payloads are little endian and copied as they are");

namespace lossd::wire {
namespace {

// Bytes that are copied before they are looked at: small enough to be in the first-level cache still; a multiple of
// Copier's lines.
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

// Copies runs of bytes to where they belong and looks at them meanwhile. Works by lines: those that lie in one run are
// looked at where they come from; one that several runs share, once it is complete.
class Copier {
 public:
  Copier(DType dtype, std::byte* destination, int64_t length, bool sum_squares)
      : dtype_(dtype), destination_(destination), streams_(length >= kMinStreamedBytes) {
    if (sum_squares && (dtype == DType::kFloat32 || dtype == DType::kFloat64)) squares_.emplace(dtype);
  }

  void Append(const std::byte* bytes, int64_t size) {
    if (const int64_t begun = copied_ % kLineBytes; begun > 0) {
      const int64_t step = std::min(size, kLineBytes - begun);
      std::memcpy(destination_ + copied_, bytes, static_cast<size_t>(step));
      Advance(step, bytes, size);
      if (begun + step < kLineBytes) return;
      Look(destination_ + copied_ - kLineBytes, kLineBytes);
    }
    while (size >= kLineBytes) {
      const int64_t step = std::min(size - size % kLineBytes, kBlockBytes);
      if (streams_) {
        Stream(bytes, destination_ + copied_, step);
      } else {
        std::memcpy(destination_ + copied_, bytes, static_cast<size_t>(step));
      }
      Look(bytes, step);
      Advance(step, bytes, size);
    }
    std::memcpy(destination_ + copied_, bytes, static_cast<size_t>(size));
    copied_ += size;
  }

  InputSweep Finish() {
    const int64_t rest = copied_ % kLineBytes;
    Look(destination_ + copied_ - rest, rest);
    if (streams_) FinishStreaming();
    if (!squares_.has_value()) return {finite_, std::nullopt};
    // A finite sum has finite terms; an infinite one may come of large finite ones.
    const double sum = squares_->total();
    return {std::isfinite(sum) || AllFinite(dtype_, destination_, copied_ / ElementBytes()), sum};
  }

 private:
  // A multiple of kStreamedLine, and of kSquareLanes elements of up to eight bytes.
  static constexpr int64_t kLineBytes = 128;

  int64_t ElementBytes() const { return static_cast<int64_t>(SizeOf(dtype_)); }

  void Advance(int64_t step, const std::byte*& bytes, int64_t& size) {
    copied_ += step;
    bytes += step;
    size -= step;
  }

  void Look(const std::byte* elements, int64_t bytes) {
    if (squares_.has_value()) return squares_->Add(elements, bytes / ElementBytes());
    finite_ &= AllFinite(dtype_, elements, bytes / ElementBytes());
  }

  const DType dtype_;
  std::byte* const destination_;
  const bool streams_;
  std::optional<SquareSum> squares_;  // If they are asked for; tells finite elements apart, too.
  int64_t copied_ = 0;                // Bytes in the destination.
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
  InputSweep Finish() const { return {finite_, std::nullopt}; }

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
InputSweep Gather(absl::Span<const grpc::Slice> slices, const PayloadRange& range, Sink sink) {
  ForEachRun(slices, range, [&](const std::byte* bytes, int64_t size) { sink.Append(bytes, size); });
  return sink.Finish();
}

}  // namespace

InputSweep GatherPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, DType wire_dtype,
                         std::byte* destination, bool sum_squares, bool widens) {
  if (IsHalf(wire_dtype)) {
    if (widens) return Gather(slices, range, Widener(wire_dtype, reinterpret_cast<float*>(destination)));
    sum_squares = false;
  }
  return Gather(slices, range, Copier(wire_dtype, destination, range.length, sum_squares));
}

void CopyPayload(absl::Span<const grpc::Slice> slices, const PayloadRange& range, std::byte* destination) {
  ForEachRun(slices, range, [&](const std::byte* bytes, int64_t size) {
    std::memcpy(destination, bytes, static_cast<size_t>(size));
    destination += size;
  });
}

}  // namespace lossd::wire
