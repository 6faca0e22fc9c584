// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/conformance/case_message.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/messages.h"
#include "core/status/status_macros.h"
#include "lossd/v1/loss_service.pb.h"

namespace lossd::conformance {
namespace {

using nlohmann::json;

absl::StatusOr<DType> ParseDType(const std::string& name) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt32,
                            DType::kInt64, DType::kUint8}) {
    if (name == DTypeName(dtype)) return dtype;
  }
  return absl::UnimplementedError(absl::StrCat("dtype: expected a known one, got ", name));
}

// The bits of a value that a 16-bit float holds exactly, as the filled ones are.
uint16_t Float16Bits(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::abs(value), &exponent);  // In [0.5, 1).
  const int mantissa = static_cast<int>(fraction * 2048) - 1024;
  return static_cast<uint16_t>((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}

uint16_t BFloat16Bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>(bits >> 16);
}

template <typename T>
void Append(T value, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendAs(DType dtype, double value, std::string& bytes) {
  switch (dtype) {
    case DType::kFloat32:
      return Append(static_cast<float>(value), bytes);
    case DType::kFloat64:
      return Append(value, bytes);
    case DType::kFloat16:
      return Append(Float16Bits(value), bytes);
    case DType::kBFloat16:
      return Append(BFloat16Bits(static_cast<float>(value)), bytes);
    case DType::kInt32:
      return Append(static_cast<int32_t>(value), bytes);
    case DType::kInt64:
      return Append(static_cast<int64_t>(value), bytes);
    case DType::kUint8:
      return Append(static_cast<uint8_t>(value), bytes);
    case DType::kUnspecified:
      return;
  }
}

std::string Payload(const json& tensor, DType dtype, const Shape& shape) {
  std::string bytes;
  if (tensor.contains("data")) {
    absl::Base64Unescape(tensor["data"].get<std::string>(), &bytes);
    return bytes;
  }
  const json& fill = tensor["fill"];
  const int64_t step = fill["step"], modulus = fill["modulus"], offset = fill["offset"];
  const double scale = fill["scale"];
  for (int64_t i = 0; i < ElementCount(shape); ++i) {
    AppendAs(dtype, scale * static_cast<double>((i * step) % modulus + offset), bytes);
  }
  return bytes;
}

absl::StatusOr<client::GradientOptions> Gradients(const v1::GradientOptions& message) {
  client::GradientOptions options;
  if (message.mode() == v1::GradientOptions::MODE_NONE) options.mode = client::GradientOptions::Mode::kNone;
  if (message.mode() == v1::GradientOptions::MODE_NAMED) options.mode = client::GradientOptions::Mode::kNamed;
  options.names.assign(message.names().begin(), message.names().end());
  if (message.dtype() != v1::DTYPE_UNSPECIFIED) options.dtype = static_cast<DType>(message.dtype());
  if (message.has_scale()) options.scale = message.scale();
  return options;
}

}  // namespace

client::ComputeRequest CaseMessage::Request() const {
  client::ComputeRequest made = request;
  for (size_t i = 0; i < payloads.size(); ++i) {
    made.inputs[i].bytes = {reinterpret_cast<const std::byte*>(payloads[i].data()), payloads[i].size()};
  }
  return made;
}

absl::StatusOr<CaseMessage> MakeMessage(const json& described) {
  std::string binary;
  v1::ComputeRequest parsed;
  absl::Base64Unescape(described["request_binary"].get<std::string>(), &binary);
  if (!parsed.ParseFromString(binary)) return absl::InvalidArgumentError("request_binary: not a ComputeRequest");
  if (!parsed.loss().GetReflection()->GetUnknownFields(parsed.loss()).empty()) {
    return absl::UnimplementedError("expected a loss that the client's types have");
  }
  CaseMessage message;
  message.expect = described["expect"];
  message.request.request_id = parsed.request_id();
  message.request.loss = client::FromMessage(parsed.loss());
  LOSSD_ASSIGN_OR_RETURN(message.request.gradients, Gradients(parsed.gradients()));
  if (parsed.options().nonfinite_policy() == v1::ComputeOptions::NONFINITE_POLICY_REJECT) {
    message.request.nonfinite_policy = client::NonfinitePolicy::kReject;
  }
  message.request.timing = parsed.options().timing();
  if (parsed.options().has_timeout()) {
    message.request.timeout =
        absl::Seconds(parsed.options().timeout().seconds()) + absl::Nanoseconds(parsed.options().timeout().nanos());
  }
  for (const json& tensor : described["inputs"]) {
    LOSSD_ASSIGN_OR_RETURN(const DType dtype, ParseDType(tensor["dtype"]));
    const auto extents = tensor["shape"].get<std::vector<int64_t>>();
    const Shape shape(extents.begin(), extents.end());
    message.payloads.push_back(Payload(tensor, dtype, shape));
    message.request.inputs.push_back({{tensor["name"].get<std::string>(), dtype, shape}, {}, nullptr});
  }
  return message;
}

}  // namespace lossd::conformance
