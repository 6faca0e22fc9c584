// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/tensor_decoder.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "proto/wire/limits.h"
#include "proto/wire/text_checks.h"

namespace lossd::wire {

absl::Status TensorDecoder::Add(Reader tensor) {
  if (size() == max_tensors_) {
    return InvalidField(list_, absl::StrCat("expected at most ", max_tensors_, " tensors, got more"));
  }
  header_bytes_.clear();
  name_.clear();
  rank_ = 0;
  payload_ = PayloadRange();
  while (!tensor.AtEnd()) {
    const std::optional<Field> field = tensor.ReadField();
    if (!field) return Malformed(Path(""), tensor);
    LOSSD_RETURN_IF_ERROR(WalkField(*field));
  }
  LOSSD_ASSIGN_OR_RETURN(TensorSpec spec, ParseSpec());
  LOSSD_RETURN_IF_ERROR(CheckPayload(spec));
  LOSSD_RETURN_IF_ERROR(CheckUnique(spec.name));
  table_.specs.push_back(std::move(spec));
  table_.payloads.push_back(payload_);
  return absl::OkStatus();
}

absl::Status TensorDecoder::WalkField(const Field& field) {
  const bool delimited = field.type == WireType::kLengthDelimited;
  if (delimited && field.number == v1::Tensor::kDataFieldNumber) {
    payload_ = field.content.Range();
    return budget_->Charge(field.whole.remaining() - field.content.remaining());
  }
  LOSSD_RETURN_IF_ERROR(budget_->Charge(field.whole.remaining()));
  if (delimited && field.number == v1::Tensor::kNameFieldNumber) {
    LOSSD_ASSIGN_OR_RETURN(name_, ReadName(Path(".name"), field.content));
  }
  if (field.number == v1::Tensor::kShapeFieldNumber) LOSSD_RETURN_IF_ERROR(CountExtents(field));
  field.whole.AppendTo(header_bytes_);
  return absl::OkStatus();
}

absl::Status TensorDecoder::CountExtents(const Field& field) {
  if (field.type == WireType::kVarint) ++rank_;
  Reader packed = field.content;
  while (!packed.AtEnd() && rank_ <= kMaxRank) {
    if (!packed.ReadVarint()) return Malformed(Path(".shape"), packed);
    ++rank_;
  }
  if (rank_ <= kMaxRank) return absl::OkStatus();
  return InvalidField(Path(".shape"), absl::StrCat("expected a rank of at most ", kMaxRank, ", got more"));
}

absl::StatusOr<TensorSpec> TensorDecoder::ParseSpec() {
  if (!header_.ParseFromString(header_bytes_)) {
    return Malformed(Path(""), "a lossd.v1.Tensor");
  }
  const int dtype = header_.dtype();
  if (dtype == v1::DTYPE_UNSPECIFIED || !v1::Dtype_IsValid(dtype)) {
    return InvalidField(Path(".dtype"), absl::StrCat("expected an element type of lossd.v1.Dtype, got ", dtype));
  }
  return TensorSpec{.name = header_.name(),
                    .dtype = static_cast<DType>(dtype),
                    .shape = Shape(header_.shape().begin(), header_.shape().end())};
}

absl::Status TensorDecoder::CheckPayload(const TensorSpec& spec) const {
  const absl::StatusOr<int64_t> bytes = CheckedByteSize(spec.dtype, spec.shape);
  if (!bytes.ok()) return InvalidField(Path(".shape"), bytes.status().message());
  if (payload_.length == *bytes) return absl::OkStatus();
  return InvalidField(Path(".data"), absl::StrCat("expected ", *bytes, " bytes for ", DTypeName(spec.dtype), " ",
                                                  ShapeText(spec.shape), ", got ", payload_.length));
}

absl::Status TensorDecoder::CheckUnique(const std::string& name) {
  const auto [known, inserted] = index_of_.try_emplace(name, size());
  if (inserted) return absl::OkStatus();
  return InvalidField(TensorPath(list_, "", size(), ".name"),
                      absl::StrCat("expected distinct names, got \"", absl::Utf8SafeCEscape(name), "\" as in ",
                                   TensorPath(list_, "", known->second, "")));
}

std::string TensorDecoder::Path(absl::string_view part) const { return TensorPath(list_, name_, size(), part); }

}  // namespace lossd::wire
