// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/request_form.h"

#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/text_checks.h"

namespace lossd::wire {
namespace {

bool IsDelimited(const Field& field, int number) {
  return field.type == WireType::kLengthDelimited && field.number == static_cast<uint32_t>(number);
}

std::optional<Field> ReadUngrouped(Reader& reader) {
  if (reader.AtGroup()) return std::nullopt;
  return reader.ReadField();
}

class FormReader {
 public:
  FormReader() { form_.bytes.reserve(kUsualFormBytes); }

  bool Read(Reader message) {
    while (!message.AtEnd()) {
      const std::optional<Field> field = ReadUngrouped(message);
      if (!field) return false;
      const bool good = IsDelimited(*field, v1::ComputeRequest::kInputsFieldNumber)      ? ReadInput(*field)
                        : IsDelimited(*field, v1::ComputeRequest::kRequestIdFieldNumber) ? ReadId(field->content)
                                                                                         : Append(field->whole);
      if (!good) return false;
    }
    return true;
  }

  RequestForm Take() && { return std::move(form_); }

 private:
  static constexpr size_t kUsualFormBytes = 256;

  bool ReadInput(const Field& input) {
    if (!AppendLength(input)) return false;
    Reader tensor = input.content;
    bool has_payload = false;
    form_.payloads.emplace_back();
    while (!tensor.AtEnd()) {
      const std::optional<Field> field = ReadUngrouped(tensor);
      if (!field) return false;
      if (!IsDelimited(*field, v1::Tensor::kDataFieldNumber)) {
        if (!Append(field->whole)) return false;
        continue;
      }
      if (std::exchange(has_payload, true) || !AppendLength(*field)) return false;
      form_.payloads.back() = field->content.Range();
    }
    return true;
  }

  bool ReadId(const Reader& content) {
    if (std::exchange(has_id_, true)) return false;
    absl::StatusOr<std::string> id = ReadName("request_id", content);
    if (!id.ok()) return false;
    form_.request_id = *std::move(id);
    return true;
  }

  // Tag and length: what comes behind them is read field by field, or left out. Longer ones than they need to be would
  // leave no trace in the form, and shift what is in the field and what is behind it.
  bool AppendLength(const Field& field) {
    const int64_t length = field.content.remaining();
    const size_t shortest = 1 + google::protobuf::io::CodedOutputStream::VarintSize64(static_cast<uint64_t>(length));
    if (field.whole.remaining() - length != static_cast<int64_t>(shortest)) return false;
    if (form_.bytes.size() + 1 + sizeof(length) > kMaxFormBytes) return false;
    form_.bytes.push_back(static_cast<char>(field.number << 3 | static_cast<uint32_t>(field.type)));
    form_.bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
    return true;
  }

  bool Append(const Reader& bytes) {
    if (form_.bytes.size() + static_cast<size_t>(bytes.remaining()) > kMaxFormBytes) return false;
    bytes.AppendTo(form_.bytes);
    return true;
  }

  RequestForm form_;
  bool has_id_ = false;
};

// Walks a message, but not its groups, until it has seen enough.
class HeaderMeter {
 public:
  bool ExceedsLimit(Reader message) {
    Walk(message, v1::ComputeRequest::kInputsFieldNumber,
         [this](const Field& input) { Walk(input.content, v1::Tensor::kDataFieldNumber, [](const Field&) {}); });
    return bytes_ > kMaxShortHeaderBytes || grouped_;
  }

 private:
  // Adds up all fields; of those with `number` what is around their content, which `visit` looks at.
  template <typename Visit>
  void Walk(Reader reader, int number, Visit visit) {
    while (!reader.AtEnd() && bytes_ <= kMaxShortHeaderBytes && !grouped_) {
      grouped_ = reader.AtGroup();
      const std::optional<Field> field = ReadUngrouped(reader);
      if (!field) return;  // The decoder stops here as well.
      const bool visited = IsDelimited(*field, number);
      bytes_ += field->whole.remaining() - (visited ? field->content.remaining() : 0);
      if (visited) visit(*field);
    }
  }

  int64_t bytes_ = 0;
  bool grouped_ = false;
};

}  // namespace

bool HasLongHeader(absl::Span<const grpc::Slice> slices) {
  const Reader message(slices);
  return message.remaining() > kMaxShortHeaderBytes && HeaderMeter().ExceedsLimit(message);
}

std::optional<RequestForm> ReadForm(absl::Span<const grpc::Slice> slices) {
  FormReader reader;
  if (!reader.Read(Reader(slices))) return std::nullopt;
  return std::move(reader).Take();
}

}  // namespace lossd::wire
