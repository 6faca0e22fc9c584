// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <CLI/App.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/load_flags.h"
#include "client/cli/load_values.h"
#include "client/cli/subcommand.h"
#include "client/load/load_request.h"
#include "client/npy/array_file.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

// "nt_xent of 2 x [8, 4] FLOAT32", "sup_con of 1 x [8, 4] FLOAT32, 1 x [8] INT32": inputs that are alike together.
std::string InWords(const client::LossSpec& loss, const std::vector<Tensor>& inputs) {
  std::vector<std::pair<std::string, int>> kinds;
  for (const Tensor& input : inputs) {
    const std::string kind = absl::StrCat(ShapeText(input.spec().shape), " ", DTypeName(input.spec().dtype));
    const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& other) { return other.first == kind; });
    if (known == kinds.end()) {
      kinds.emplace_back(kind, 1);
    } else {
      ++known->second;
    }
  }
  return absl::StrCat(client::NameOf(loss), " of ", absl::StrJoin(kinds, ", ", [](std::string* out, const auto& kind) {
                        absl::StrAppend(out, kind.second, " x ", kind.first);
                      }));
}

}  // namespace

void LoadRequestFlags::Declare(CLI::App& app) {
  app.add_option("inputs", inputs_,
                 "Inputs as name=file (.npy, .npz, .safetensors); without any, --shape of random numbers");
  loss_.Declare(app);
  const std::string group = "Random inputs";
  app.add_option("--shape", shape_, "Extents of every input: 16,64,7,7")->type_name("EXTENTS")->group(group);
  app.add_option("--dtype", dtype_, "Element type")->capture_default_str()->group(group);
  maps_option_ = app.add_option("--maps", maps_, "Maps a side (feature_map_contrastive)")
                     ->capture_default_str()
                     ->check(CLI::Range(1, 500))
                     ->group(group);
  app.add_option("--seed", seed_, "Of inputs, draws, arrivals and chaos")
      ->capture_default_str()
      ->check(CheckNotNegative)
      ->group(group);
  app.add_flag("--no-gradients", no_gradients_, "Ask for the loss alone");
}

absl::StatusOr<std::vector<Tensor>> LoadRequestFlags::Inputs(const client::LossSpec& loss, int64_t max_bytes) const {
  std::vector<Tensor> inputs;
  for (const std::string& argument : inputs_) {
    const size_t equals = argument.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return UsageError(absl::StrCat("inputs: expected name=file, got '", argument, "'", InputHint(argument)));
    }
    absl::StatusOr<Tensor> tensor = ReadArray(argument.substr(equals + 1), argument.substr(0, equals));
    if (!tensor.ok()) return UsageError(tensor.status().message());
    inputs.push_back(*std::move(tensor));
  }
  if (!inputs_.empty() && !shape_.empty()) return UsageError("--shape: expected without files");
  if (!inputs_.empty()) return inputs;
  if (shape_.empty()) return UsageError("--shape: expected extents such as 16,64,7,7, or files as name=file");
  LOSSD_ASSIGN_OR_RETURN(const Shape shape, ParseShape("--shape", shape_));
  LOSSD_ASSIGN_OR_RETURN(const DType dtype, ParseElementType("--dtype", dtype_));
  int64_t left = max_bytes;
  for (const TensorSpec& spec : load::InputsOfShape(loss, shape, dtype, maps_)) {
    const absl::StatusOr<int64_t> bytes = CheckedByteSize(spec.dtype, spec.shape);
    if (!bytes.ok()) return UsageError(absl::StrCat("--shape: ", bytes.status().message()));
    if (*bytes > left) {
      return UsageError(absl::StrCat("--shape: expected inputs of at most ", max_bytes,
                                     " bytes together (--max-message-bytes), got more"));
    }
    left -= *bytes;
    inputs.push_back(load::RandomTensor(spec, seed_ + inputs.size()));
  }
  return inputs;
}

absl::StatusOr<client::ComputeRequest> LoadRequestFlags::Request(int64_t max_bytes, std::string& what) const {
  client::ComputeRequest request;
  LOSSD_ASSIGN_OR_RETURN(client::LossSpec loss, loss_.Spec());
  if (maps_option_->count() > 0 && !std::holds_alternative<client::FeatureMapContrastive>(loss)) {
    return UsageError("--maps: belongs to feature_map_contrastive");
  }
  request.loss = load::WithFixedDraws(std::move(loss), seed_);
  LOSSD_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, Inputs(request.loss, max_bytes));
  for (const Tensor& input : inputs) request.inputs.push_back(client::InputTensor::Share(input));
  if (no_gradients_) request.gradients.mode = client::GradientOptions::Mode::kNone;
  what = InWords(request.loss, inputs);
  return request;
}

}  // namespace lossd::cli
