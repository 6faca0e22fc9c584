// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/result_report.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/golden/tensor_values.h"
#include "client/cli/text_table.h"
#include "core/status/printable.h"

namespace lossd::cli {
namespace {

using client::ResultTensor;
using nlohmann::json;

std::vector<double> ValuesOf(const ResultTensor& tensor) { return ToDoubles(tensor.spec(), tensor.bytes()); }

bool IsInteger(const ResultTensor& tensor) {
  const DType dtype = tensor.spec().dtype;
  return dtype == DType::kInt32 || dtype == DType::kInt64 || dtype == DType::kUint8;
}

// The elements of a tensor of integers, exactly.
std::vector<int64_t> IntegersOf(const ResultTensor& tensor) {
  const size_t size = SizeOf(tensor.spec().dtype);
  const absl::Span<const std::byte> bytes = tensor.bytes();
  std::vector<int64_t> values(bytes.size() / size);
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * size, size);
    values[i] = size == 4 ? static_cast<int32_t>(bits) : static_cast<int64_t>(bits);
  }
  return values;
}

std::string ValuesText(const ResultTensor& tensor) {
  constexpr size_t kShown = 8;
  if (IsInteger(tensor)) {
    const std::vector<int64_t> values = IntegersOf(tensor);
    const auto end = values.begin() + static_cast<ptrdiff_t>(std::min(values.size(), kShown));
    return absl::StrCat(absl::StrJoin(values.begin(), end, " "), values.size() > kShown ? " ..." : "");
  }
  const std::vector<double> values = ValuesOf(tensor);
  const auto end = values.begin() + static_cast<ptrdiff_t>(std::min(values.size(), kShown));
  return absl::StrCat(absl::StrJoin(values.begin(), end, " ",
                                    [](std::string* out, double value) { absl::StrAppend(out, NumberText(value)); }),
                      values.size() > kShown ? " ..." : "");
}

json ToJson(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

json SpecToJson(const TensorSpec& spec) {
  return {{"dtype", std::string(DTypeName(spec.dtype))},
          {"shape", std::vector<int64_t>(spec.shape.begin(), spec.shape.end())}};
}

void PrintTiming(const client::Timing& timing, std::ostream& out) {
  TextTable table({"stage", "time"});
  table.AddRow({"decode", absl::FormatDuration(timing.decode)});
  table.AddRow({"queue", absl::FormatDuration(timing.queue)});
  table.AddRow(
      {"compute", absl::StrCat(absl::FormatDuration(timing.compute), " (batch of ", timing.batch_requests, ")")});
  table.AddRow({"encode", absl::FormatDuration(timing.encode)});
  table.Print(out);
}

json TimingToJson(const client::Timing& timing) {
  return {{"decode_seconds", absl::ToDoubleSeconds(timing.decode)},
          {"queue_seconds", absl::ToDoubleSeconds(timing.queue)},
          {"compute_seconds", absl::ToDoubleSeconds(timing.compute)},
          {"encode_seconds", absl::ToDoubleSeconds(timing.encode)},
          {"batch_requests", timing.batch_requests}};
}

}  // namespace

void PrintResult(const client::ComputeResponse& response, std::ostream& out) {
  TextTable outputs({"output", "dtype", "shape", "values"});
  outputs.AddRow({"objective", "", "", absl::StrFormat("%.9g", response.objective)});
  for (const ResultTensor& tensor : response.outputs) {
    outputs.AddRow({tensor.spec().name, std::string(DTypeName(tensor.spec().dtype)), ShapeText(tensor.spec().shape),
                    ValuesText(tensor)});
  }
  outputs.Print(out);
  if (!response.gradients.empty()) {
    TextTable gradients({"gradient", "dtype", "shape", "l2", "max abs", "not finite"});
    for (const ResultTensor& tensor : response.gradients) {
      const TensorNorms norms = NormsOf(ValuesOf(tensor));
      gradients.AddRow({tensor.spec().name, std::string(DTypeName(tensor.spec().dtype)), ShapeText(tensor.spec().shape),
                        NumberText(norms.l2), NumberText(norms.max_abs), absl::StrCat(norms.nonfinite)});
    }
    out << '\n';
    gradients.Print(out);
  }
  if (!response.nonfinite.empty())
    out << "\nnot finite: " << Printable(absl::StrJoin(response.nonfinite, ", ")) << '\n';
  if (response.timing) {
    out << '\n';
    PrintTiming(*response.timing, out);
  }
}

json ResultToJson(const client::ComputeResponse& response) {
  json outputs = json::object(), gradients = json::object();
  for (const ResultTensor& tensor : response.outputs) {
    json& output = outputs[tensor.spec().name] = SpecToJson(tensor.spec());
    output["values"] = json::array();
    if (IsInteger(tensor)) {
      output["values"] = IntegersOf(tensor);
      continue;
    }
    for (const double value : ValuesOf(tensor)) output["values"].push_back(ToJson(value));
  }
  for (const ResultTensor& tensor : response.gradients) {
    const TensorNorms norms = NormsOf(ValuesOf(tensor));
    json& gradient = gradients[tensor.spec().name] = SpecToJson(tensor.spec());
    gradient["l2"] = norms.l2;
    gradient["max_abs"] = norms.max_abs;
    gradient["nonfinite"] = norms.nonfinite;
  }
  json result = {{"objective", ToJson(response.objective)},
                 {"outputs", outputs},
                 {"gradients", gradients},
                 {"nonfinite", response.nonfinite}};
  if (response.timing) result["timing"] = TimingToJson(*response.timing);
  return result;
}

}  // namespace lossd::cli
