// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/proto/wire/protobuf_oracle.h"

#include <set>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/limits.h"
#include "proto/wire/payload.h"
#include "proto/wire/request_decoder.h"
#include "proto/wire/response_decoder.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

using Tensors = google::protobuf::RepeatedPtrField<v1::Tensor>;

// Protobuf logs every string that is not UTF-8.
void Silence() {
  static const bool silenced = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  (void)silenced;
}

std::string Difference(const v1::Tensor& stock, const TensorSpec& spec, const PayloadRange& payload,
                       const std::vector<grpc::Slice>& slices) {
  if (stock.name() != spec.name) return "name";
  if (stock.dtype() != static_cast<int>(spec.dtype)) return "dtype";
  if (Shape(stock.shape().begin(), stock.shape().end()) != spec.shape) return "shape";
  if (static_cast<int64_t>(stock.data().size()) != payload.length) return "payload's length";
  std::string data(stock.data().size(), '\0');
  CopyPayload(slices, payload, reinterpret_cast<std::byte*>(data.data()));
  return data == stock.data() ? "" : "payload";
}

std::string Difference(const Tensors& stock, const std::vector<TensorSpec>& specs,
                       const std::vector<PayloadRange>& payloads, const std::vector<grpc::Slice>& slices) {
  if (static_cast<size_t>(stock.size()) != specs.size() || specs.size() != payloads.size()) return "number of tensors";
  for (int i = 0; i < stock.size(); ++i) {
    const size_t at = static_cast<size_t>(i);
    const std::string difference = Difference(stock[i], specs[at], payloads[at], slices);
    if (!difference.empty()) return absl::StrCat("tensor ", i, ": ", difference);
  }
  return "";
}

// Whether the rules for tensors hold, as far as a parsed message shows.
bool Valid(const Tensors& tensors) {
  std::set<std::string> names;
  for (const v1::Tensor& tensor : tensors) {
    if (!names.insert(tensor.name()).second || tensor.name().size() > kMaxNameBytes) return false;
    if (tensor.dtype() < 1 || tensor.dtype() > 7 || tensor.shape_size() > kMaxRank) return false;
    const auto bytes = CheckedByteSize(static_cast<DType>(tensor.dtype()),
                                       absl::MakeConstSpan(tensor.shape().data(), tensor.shape_size()));
    if (!bytes.ok() || *bytes != static_cast<int64_t>(tensor.data().size())) return false;
  }
  return true;
}

bool Valid(const v1::ComputeRequest& request) {
  for (const std::string& name : request.gradients().names()) {
    if (name.size() > kMaxNameBytes) return false;
  }
  return request.inputs_size() <= kMaxInputs && request.gradients().names_size() <= kMaxGradientNames &&
         request.request_id().size() <= kMaxNameBytes && Valid(request.inputs());
}

// Judges a refusal of what protobuf parsed (`parsed`) into something that keeps all rules (`valid`) or not.
std::string JudgeRefusal(const absl::Status& refusal, bool parsed, bool valid) {
  if (!parsed) return "";
  if (absl::StrContains(refusal.message(), "malformed")) return absl::StrCat("protobuf reads it: ", refusal.message());
  // A limit may be exceeded by what does not survive parsing, such as the first of two names.
  if (valid && !absl::StrContains(refusal.message(), "expected at most")) {
    return absl::StrCat("no reason to refuse it: ", refusal.message());
  }
  return "";
}

}  // namespace

std::string RequestDisagreement(const std::vector<grpc::Slice>& slices) {
  Silence();
  v1::ComputeRequest stock;
  const bool parsed = stock.ParseFromString(Joined(slices));
  const absl::StatusOr<DecodedRequest> decoded = DecodeRequest(slices);
  const std::string request_id = DecodeRequestId(slices);
  if (!decoded.ok()) return JudgeRefusal(decoded.status(), parsed, parsed && Valid(stock));
  if (!parsed) return "protobuf does not read it";
  if (!Valid(stock)) return "it breaks the rules";
  if (request_id != stock.request_id()) return "request_id";
  std::string difference = Difference(stock.inputs(), decoded->specs, decoded->payloads, slices);
  if (!difference.empty()) return difference;
  stock.clear_inputs();
  return stock.SerializeAsString() == decoded->header.SerializeAsString() ? "" : "header";
}

std::string ResponseDisagreement(const std::vector<grpc::Slice>& slices) {
  Silence();
  v1::ComputeResponse stock;
  const bool parsed = stock.ParseFromString(Joined(slices));
  const bool valid = parsed && Valid(stock.outputs()) && Valid(stock.gradients());
  const absl::StatusOr<DecodedResponse> decoded = DecodeResponse(slices);
  if (!decoded.ok()) return JudgeRefusal(decoded.status(), parsed, valid);
  if (!parsed) return "protobuf does not read it";
  if (!valid) return "it breaks the rules";
  std::string difference = Difference(stock.outputs(), decoded->outputs.specs, decoded->outputs.payloads, slices);
  if (difference.empty()) {
    difference = Difference(stock.gradients(), decoded->gradients.specs, decoded->gradients.payloads, slices);
  }
  if (!difference.empty()) return difference;
  stock.clear_outputs();
  stock.clear_gradients();
  return stock.SerializeAsString() == decoded->header.SerializeAsString() ? "" : "header";
}

}  // namespace lossd::wire
