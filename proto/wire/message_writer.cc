// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_writer.h"

#include <memory>

#include "lossd/v1/tensor.pb.h"
#include "proto/wire/limits.h"
#include "proto/wire/reader.h"

namespace lossd::wire {
namespace {

// A message of so few bytes is copied once more, since that costs less than the memory that would own them.
constexpr size_t kMaxCopiedBytes = 2048;

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

void AppendVarint(uint64_t value, std::string& text) {
  for (; value >= 0x80; value >>= 7) text.push_back(static_cast<char>(value | 0x80));
  text.push_back(static_cast<char>(value));
}

void AppendTag(uint32_t number, WireType type, std::string& text) {
  AppendVarint(number << 3 | static_cast<uint32_t>(type), text);
}

// The tag and the length of a length-delimited field.
void AppendPrefix(uint32_t number, uint64_t length, std::string& text) {
  AppendTag(number, WireType::kLengthDelimited, text);
  AppendVarint(length, text);
}

// Bytes of a length-delimited field whose number is at most 15; none if it is empty, as proto3 has it.
size_t DelimitedBytes(size_t length) { return length == 0 ? 0 : 1 + VarintBytes(length) + length; }

// A lossd.v1.Tensor up to the bytes of its payload.
void AppendTensorHeader(uint32_t number, const TensorSpec& spec, size_t payload_bytes, std::string& text) {
  size_t shape_bytes = 0;
  for (const int64_t extent : spec.shape) shape_bytes += VarintBytes(static_cast<uint64_t>(extent));
  const size_t dtype_bytes = spec.dtype == DType::kUnspecified ? 0 : 1 + VarintBytes(static_cast<uint64_t>(spec.dtype));
  AppendPrefix(
      number,
      DelimitedBytes(spec.name.size()) + dtype_bytes + DelimitedBytes(shape_bytes) + DelimitedBytes(payload_bytes),
      text);
  if (!spec.name.empty()) {
    AppendPrefix(v1::Tensor::kNameFieldNumber, spec.name.size(), text);
    text += spec.name;
  }
  if (dtype_bytes > 0) {
    AppendTag(v1::Tensor::kDtypeFieldNumber, WireType::kVarint, text);
    AppendVarint(static_cast<uint64_t>(spec.dtype), text);
  }
  if (shape_bytes > 0) {
    AppendPrefix(v1::Tensor::kShapeFieldNumber, shape_bytes, text);
    for (const int64_t extent : spec.shape) AppendVarint(static_cast<uint64_t>(extent), text);
  }
  if (payload_bytes > 0) AppendPrefix(v1::Tensor::kDataFieldNumber, payload_bytes, text);
}

}  // namespace

void MessageWriter::AppendFields(const google::protobuf::MessageLite& fields) { fields.AppendToString(&gathered_); }

void MessageWriter::AppendTensor(uint32_t number, const TensorSpec& spec, absl::Span<const std::byte> payload,
                                 absl::FunctionRef<grpc::Slice()> slice) {
  AppendTensorHeader(number, spec, payload.size(), gathered_);
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
