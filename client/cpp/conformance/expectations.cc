// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/conformance/expectations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/error_details.h"
#include "client/cpp/origin.h"
#include "core/status/status_macros.h"

namespace lossd::conformance {
namespace {

using nlohmann::json;

template <typename... Parts>
absl::Status Mismatch(const Parts&... parts) {
  return absl::UnknownError(absl::StrCat(parts...));
}

double Float16Value(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 0x1f) return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

template <typename T>
double As(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return static_cast<double>(value);
}

double ValueAt(const client::ResultTensor& tensor, size_t i) {
  const std::byte* const at = tensor.bytes().data() + i * SizeOf(tensor.spec().dtype);
  uint16_t bits = 0;
  switch (tensor.spec().dtype) {
    case DType::kFloat32:
      return As<float>(at);
    case DType::kFloat64:
      return As<double>(at);
    case DType::kInt32:
      return As<int32_t>(at);
    case DType::kInt64:
      return As<int64_t>(at);
    case DType::kUint8:
      return As<uint8_t>(at);
    case DType::kFloat16:
      std::memcpy(&bits, at, 2);
      return Float16Value(bits);
    case DType::kBFloat16: {
      std::memcpy(&bits, at, 2);
      const uint32_t wide = uint32_t{bits} << 16;
      return As<float>(reinterpret_cast<const std::byte*>(&wide));
    }
    case DType::kUnspecified:
      break;
  }
  return 0;
}

double Expected(const json& value) {
  if (value.is_number()) return value;
  return value == "nan" ? std::numeric_limits<double>::quiet_NaN() : value == "inf" ? HUGE_VAL : -HUGE_VAL;
}

bool Near(double got, double wanted, double tolerance) {
  return got == wanted || (std::isnan(got) && std::isnan(wanted)) || std::abs(got - wanted) <= tolerance;
}

absl::Status CheckTensor(const client::ResultTensor& got, const json& wanted, const CaseMessage& message) {
  const std::string name = got.spec().name;
  if (name != wanted["name"]) return Mismatch("expected ", wanted["name"].get<std::string>(), ", got ", name);
  if (wanted.contains("dtype") && wanted["dtype"] != std::string(DTypeName(got.spec().dtype))) {
    return Mismatch(name, ".dtype: expected ", wanted["dtype"].dump(), ", got ", DTypeName(got.spec().dtype));
  }
  const std::vector<int64_t> shape(got.spec().shape.begin(), got.spec().shape.end());
  if (wanted.contains("shape") && wanted["shape"] != json(shape)) {
    return Mismatch(name, ".shape: expected ", wanted["shape"].dump(), ", got ", json(shape).dump());
  }
  if (wanted.contains("values")) {
    const json& values = wanted["values"];
    if (values.size() != static_cast<size_t>(ElementCount(got.spec().shape))) {
      return Mismatch(name, ": expected ", values.size(), " elements, got ", ElementCount(got.spec().shape));
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (Near(ValueAt(got, i), Expected(values[i]), wanted["tolerance"])) continue;
      return Mismatch(name, ": element ", i, ": expected ", values[i].dump(), ", got ", ValueAt(got, i));
    }
  }
  if (!wanted.contains("equals_input")) return absl::OkStatus();
  for (size_t i = 0; i < message.payloads.size(); ++i) {
    if (message.request.inputs[i].spec.name != wanted["equals_input"]) continue;
    const std::string& bytes = message.payloads[i];
    const bool equal = got.bytes().size() == bytes.size() &&
                       (bytes.empty() || std::memcmp(got.bytes().data(), bytes.data(), bytes.size()) == 0);
    return equal ? absl::OkStatus() : Mismatch(name, ": expected the bytes of its input, got others");
  }
  return Mismatch(name, ": expected an input ", wanted["equals_input"].dump());
}

absl::Status CheckTensors(const char* kind, const std::vector<client::ResultTensor>& got, const CaseMessage& message) {
  if (!message.expect.contains(kind)) return absl::OkStatus();
  const json& wanted = message.expect[kind];
  if (got.size() != wanted.size()) return Mismatch(kind, ": expected ", wanted.size(), ", got ", got.size());
  for (size_t i = 0; i < got.size(); ++i) LOSSD_RETURN_IF_ERROR(CheckTensor(got[i], wanted[i], message));
  return absl::OkStatus();
}

// Names of codes are those of gRPC, which Abseil spells alike but for one letter.
std::string CodeName(absl::StatusCode code) {
  return code == absl::StatusCode::kCancelled ? "CANCELLED" : absl::StatusCodeToString(code);
}

absl::Status CheckError(const absl::Status& got, const json& wanted) {
  const std::string code = CodeName(got.code());
  if (std::find(wanted["code"].begin(), wanted["code"].end(), code) == wanted["code"].end()) {
    return Mismatch("expected ", wanted["code"].dump(), ", got ", got.ToString());
  }
  const client::ErrorDetails details = client::DetailsOf(got);
  if (wanted.contains("field") &&
      std::none_of(details.field_violations.begin(), details.field_violations.end(),
                   [&](const auto& violation) { return violation.field == wanted["field"]; })) {
    return Mismatch("expected a violation of ", wanted["field"].dump(), ", got ", got.ToString());
  }
  if (wanted.contains("quota") && wanted["quota"] != !details.quota_violations.empty()) {
    return Mismatch("quota: expected ", wanted["quota"].dump(), ", got ", got.ToString());
  }
  if (wanted.contains("retry_delay") && wanted["retry_delay"] != details.retry_delay.has_value()) {
    return Mismatch("retry_delay: expected ", wanted["retry_delay"].dump(), ", got ", got.ToString());
  }
  if (wanted.contains("origin")) {
    const std::string origin = client::OriginOf(got) == client::Origin::kServer ? "server" : "client";
    if (wanted["origin"] != origin) {
      return Mismatch("origin: expected ", wanted["origin"].dump(), ", got ", origin, ": ", got.ToString());
    }
  }
  for (const json& text : wanted.value("text", json::array())) {
    if (!absl::StrContains(absl::AsciiStrToLower(got.message()), absl::AsciiStrToLower(text.get<std::string>()))) {
      return Mismatch("expected ", text.dump(), " in the message, got ", got.ToString());
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Check(const absl::StatusOr<client::ComputeResponse>& got, const CaseMessage& message) {
  const json& expect = message.expect;
  if (expect.contains("error")) {
    return got.ok() ? Mismatch("expected an error, got an answer") : CheckError(got.status(), expect["error"]);
  }
  if (!got.ok()) return Mismatch("expected an answer, got ", got.status().ToString());
  if (expect.contains("objective") &&
      !Near(got->objective, Expected(expect["objective"]["value"]), expect["objective"]["tolerance"])) {
    return Mismatch("objective: expected ", expect["objective"]["value"].dump(), ", got ", got->objective);
  }
  LOSSD_RETURN_IF_ERROR(CheckTensors("outputs", got->outputs, message));
  LOSSD_RETURN_IF_ERROR(CheckTensors("gradients", got->gradients, message));
  if (!expect.contains("nonfinite")) return absl::OkStatus();
  const auto wanted = expect["nonfinite"].get<std::set<std::string>>();
  return wanted == std::set<std::string>(got->nonfinite.begin(), got->nonfinite.end())
             ? absl::OkStatus()
             : Mismatch("nonfinite: expected ", expect["nonfinite"].dump(), ", got ", json(got->nonfinite).dump());
}

}  // namespace lossd::conformance
