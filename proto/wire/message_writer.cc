// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_writer.h"

#include <memory>

#include "lossd/v1/tensor.pb.h"
#include "proto/wire/limits.h"
#include "proto/wire/reader.h"

namespace lossd::wire {
namespace {

void AppendVarint(uint64_t value, std::string& text) {
  for (; value >= 0x80; value >>= 7) text.push_back(static_cast<char>(value | 0x80));
  text.push_back(static_cast<char>(value));
}

// The tag and the length of a length-delimited field.
void AppendPrefix(uint32_t number, uint64_t length, std::string& text) {
  AppendVarint(number << 3 | static_cast<uint32_t>(WireType::kLengthDelimited), text);
  AppendVarint(length, text);
}

// A Tensor up to its payload, the payload's prefix included.
std::string TensorHeader(const TensorSpec& spec, size_t payload_bytes) {
  v1::Tensor header;
  header.set_name(spec.name);
  header.set_dtype(static_cast<v1::DType>(spec.dtype));
  header.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
  std::string bytes = header.SerializeAsString();
  if (payload_bytes > 0) AppendPrefix(v1::Tensor::kDataFieldNumber, payload_bytes, bytes);
  return bytes;
}

}  // namespace

void MessageWriter::AppendFields(const google::protobuf::MessageLite& fields) { fields.AppendToString(&gathered_); }

void MessageWriter::AppendTensor(uint32_t number, const TensorSpec& spec, grpc::Slice payload) {
  const std::string header = TensorHeader(spec, payload.size());
  AppendPrefix(number, header.size() + payload.size(), gathered_);
  gathered_ += header;
  if (payload.size() > static_cast<size_t>(kMaxInlinePayloadBytes)) {
    Flush();
    message_.bytes += static_cast<int64_t>(payload.size());
    message_.slices.push_back(std::move(payload));
  } else if (payload.size() > 0) {
    gathered_.append(reinterpret_cast<const char*>(payload.begin()), payload.size());
    ++message_.payload_copies;
  }
}

EncodedMessage MessageWriter::Finish() && {
  Flush();
  return std::move(message_);
}

void MessageWriter::Flush() {
  if (gathered_.empty()) return;
  auto bytes = std::make_unique<std::string>(std::exchange(gathered_, {}));
  const std::byte* first = reinterpret_cast<const std::byte*>(bytes->data());
  const size_t size = bytes->size();
  message_.bytes += static_cast<int64_t>(size);
  message_.slices.push_back(SliceOver(first, size, std::move(bytes)));
}

}  // namespace lossd::wire
