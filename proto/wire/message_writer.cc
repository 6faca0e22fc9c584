// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_writer.h"

#include <algorithm>
#include <memory>

#include "lossd/v1/tensor.pb.h"
#include "proto/wire/limits.h"
#include "proto/wire/reader.h"

namespace lossd::wire {
namespace {

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

// Bytes of a length-delimited field whose number is at most 15; none if it is empty, as proto3 has it.
size_t DelimitedBytes(size_t length) { return length == 0 ? 0 : 1 + VarintBytes(length) + length; }

// Writes fields whose numbers are at most 15 behind each other, where there is room for them.
class FieldWriter {
 public:
  explicit FieldWriter(char* first) : next_(first) {}

  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) *next_++ = static_cast<char>(value | 0x80);
    *next_++ = static_cast<char>(value);
  }
  void Tag(uint32_t number, WireType type) { *next_++ = static_cast<char>(number << 3 | static_cast<uint32_t>(type)); }
  // The tag and the length of a length-delimited field.
  void Prefix(uint32_t number, size_t length) {
    Tag(number, WireType::kLengthDelimited);
    Varint(length);
  }
  void Text(const std::string& text) { next_ = std::copy(text.begin(), text.end(), next_); }

 private:
  char* next_;
};

// A lossd.v1.Tensor, and how many bytes its parts take.
class TensorFields {
 public:
  TensorFields(const TensorSpec& spec, size_t payload_bytes) : spec_(spec), payload_bytes_(payload_bytes) {
    for (const int64_t extent : spec.shape) shape_bytes_ += VarintBytes(static_cast<uint64_t>(extent));
    const size_t dtype_bytes = HasDType() ? 1 + VarintBytes(static_cast<uint64_t>(spec.dtype)) : 0;
    bytes_ =
        DelimitedBytes(spec.name.size()) + dtype_bytes + DelimitedBytes(shape_bytes_) + DelimitedBytes(payload_bytes);
  }

  // As a field, up to the bytes of its payload.
  size_t header_bytes() const { return 1 + VarintBytes(bytes_) + bytes_ - payload_bytes_; }

  void WriteHeader(uint32_t number, FieldWriter writer) const {
    writer.Prefix(number, bytes_);
    if (!spec_.name.empty()) {
      writer.Prefix(v1::Tensor::kNameFieldNumber, spec_.name.size());
      writer.Text(spec_.name);
    }
    if (HasDType()) {
      writer.Tag(v1::Tensor::kDtypeFieldNumber, WireType::kVarint);
      writer.Varint(static_cast<uint64_t>(spec_.dtype));
    }
    if (shape_bytes_ > 0) {
      writer.Prefix(v1::Tensor::kShapeFieldNumber, shape_bytes_);
      for (const int64_t extent : spec_.shape) writer.Varint(static_cast<uint64_t>(extent));
    }
    if (payload_bytes_ > 0) writer.Prefix(v1::Tensor::kDataFieldNumber, payload_bytes_);
  }

 private:
  bool HasDType() const { return spec_.dtype != DType::kUnspecified; }

  const TensorSpec& spec_;
  const size_t payload_bytes_;
  size_t shape_bytes_ = 0;
  size_t bytes_ = 0;  // Of all fields.
};

}  // namespace

void MessageWriter::AppendFields(const google::protobuf::MessageLite& fields) { fields.AppendToString(&gathered_); }

void MessageWriter::AppendTensor(uint32_t number, const TensorSpec& spec, absl::Span<const std::byte> payload,
                                 absl::FunctionRef<grpc::Slice()> slice) {
  const TensorFields fields(spec, payload.size());
  const size_t begin = gathered_.size();
  gathered_.resize(begin + fields.header_bytes());
  fields.WriteHeader(number, FieldWriter(gathered_.data() + begin));
  if (payload.size() > static_cast<size_t>(kMaxInlinePayloadBytes)) {
    Flush();
    message_.bytes += static_cast<int64_t>(payload.size());
    message_.slices.push_back(slice());
  } else if (!payload.empty()) {
    gathered_.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    ++message_.payload_copies;
  }
}

EncodedMessage MessageWriter::Finish() && {
  Flush();
  return std::move(message_);
}

void MessageWriter::Flush() {
  if (gathered_.empty()) return;
  message_.bytes += static_cast<int64_t>(gathered_.size());
  if (gathered_.size() <= kMaxCopiedBytes) {
    message_.slices.emplace_back(gathered_.data(), gathered_.size());
    gathered_.clear();
    return;
  }
  auto bytes = std::make_unique<std::string>(std::exchange(gathered_, {}));
  const std::byte* first = reinterpret_cast<const std::byte*>(bytes->data());
  const size_t size = bytes->size();
  message_.slices.push_back(SliceOver(first, size, std::move(bytes)));
}

}  // namespace lossd::wire
