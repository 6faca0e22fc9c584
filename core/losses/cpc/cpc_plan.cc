// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/losses/input_names.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr int32_t kMaxTargetDim = 4096;
constexpr int32_t kDefaultTargetDim = 64;

std::string Field(absl::string_view name, absl::string_view part = "") {
  return absl::StrCat("inputs[", name, "]", part);
}

// Where each input is: "z" and the parameters in the order of the state_dict, -1 where absent.
struct FoundInputs {
  int z = -1;
  std::array<int, kCpcParameters> parameters;
  size_t parameter_count = 0;
};

absl::StatusOr<FoundInputs> FindInputs(absl::Span<const TensorSpec> inputs) {
  static const auto& kIndexOf = *[] {
    auto* indices = new absl::flat_hash_map<std::string, size_t>;
    const std::vector<TensorSpec> specs = CpcParameterSpecs(1, 1, DType::kFloat32);
    for (size_t p = 0; p < kCpcParameters; ++p) (*indices)[specs[p].name] = p;
    return indices;
  }();
  FoundInputs found;
  found.parameters.fill(-1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name == "z") {
      found.z = static_cast<int>(i);
    } else if (const auto known = kIndexOf.find(inputs[i].name); known != kIndexOf.end()) {
      found.parameters[known->second] = static_cast<int>(i);
      ++found.parameter_count;
    } else {
      return InvalidField(Field(inputs[i].name), "unknown input, expected z or parameters.<name in the state_dict>");
    }
  }
  if (found.z < 0) return MissingInput("z");
  return found;
}

absl::Status CheckZ(const TensorSpec& z) {
  const auto refuse = [&](absl::string_view expectation) {
    return InvalidField(Field("z", ".shape"),
                        absl::StrCat("expected [B, C, H, W] ", expectation, ", got ", ShapeText(z.shape)));
  };
  if (z.shape.size() != 4) return refuse("of rank 4");
  if (z.shape[0] < 1 || z.shape[1] < 1) return refuse("with B >= 1 and C >= 1");
  if (z.shape[2] < 3 || z.shape[3] < 3) return refuse("with H >= 3 and W >= 3");
  return absl::OkStatus();
}

absl::Status CheckTargetDim(int64_t dim, absl::string_view field) {
  if (dim >= 1 && dim <= kMaxTargetDim) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("expected 1 to ", kMaxTargetDim, ", got ", dim));
}

// All parameters are there and have the shapes that z's channels and D demand.
absl::Status CheckParameters(const ComputeSpec& request, const FoundInputs& found, int64_t channels, int64_t dim) {
  const std::vector<TensorSpec> expected = CpcParameterSpecs(channels, dim, DType::kFloat32);
  for (size_t p = 0; p < kCpcParameters; ++p) {
    const TensorSpec& sent = request.inputs[static_cast<size_t>(found.parameters[p])];
    if (sent.shape == expected[p].shape) continue;
    return InvalidField(Field(sent.name, ".shape"),
                        absl::StrCat("expected ", ShapeText(expected[p].shape), " for C = ", channels,
                                     " of inputs[z] and D = ", dim, ", got ", ShapeText(sent.shape)));
  }
  return absl::OkStatus();
}

// The first missing parameter refuses an incomplete set.
absl::Status CheckComplete(const FoundInputs& found) {
  const auto missing = std::find(found.parameters.begin(), found.parameters.end(), -1);
  if (missing == found.parameters.end()) return absl::OkStatus();
  const auto index = static_cast<size_t>(missing - found.parameters.begin());
  return InvalidField(
      Field(CpcParameterSpecs(1, 1, DType::kFloat32)[index].name),
      absl::StrCat("missing, expected all ", kCpcParameters, " parameters or none, got ", found.parameter_count));
}

// D of the parameters that were sent.
absl::StatusOr<int64_t> SentDim(const ComputeSpec& request, const CpcConfig& config, const FoundInputs& found) {
  LOSSD_RETURN_IF_ERROR(CheckComplete(found));
  const TensorSpec& weight = request.inputs[static_cast<size_t>(found.parameters[kTargetWeight])];
  if (config.init_seed.has_value()) {
    return InvalidField("loss.cpc.init_seed", "expected none where parameters are sent");
  }
  if (weight.shape.size() != 4) {
    return InvalidField(Field(weight.name, ".shape"),
                        absl::StrCat("expected [D, C, 1, 1], got ", ShapeText(weight.shape)));
  }
  const int64_t dim = weight.shape[0];
  if (config.target_dim.has_value() && *config.target_dim != dim) {
    return InvalidField("loss.cpc.target_dim",
                        absl::StrCat("expected ", dim, " like the parameters, or none, got ", *config.target_dim));
  }
  LOSSD_RETURN_IF_ERROR(CheckTargetDim(dim, Field(weight.name, ".shape")));
  LOSSD_RETURN_IF_ERROR(CheckParameters(request, found, request.inputs[static_cast<size_t>(found.z)].shape[1], dim));
  return dim;
}

absl::StatusOr<int64_t> FindDim(const ComputeSpec& request, const CpcConfig& config, const FoundInputs& found) {
  if (config.target_dim.has_value()) {
    LOSSD_RETURN_IF_ERROR(CheckTargetDim(*config.target_dim, "loss.cpc.target_dim"));
  }
  if (found.parameter_count > 0) return SentDim(request, config, found);
  return config.target_dim.value_or(kDefaultTargetDim);
}

bool IsSelected(const GradientSelection& selection, const TensorSpec& spec, bool derived) {
  if (selection.mode == GradientSelection::Mode::kNone) return false;
  if (selection.mode == GradientSelection::Mode::kAll) return !derived;
  return std::any_of(selection.names.begin(), selection.names.end(), [&](absl::string_view name) {
    return absl::ConsumeSuffix(&name, "*") ? absl::StartsWith(spec.name, name) : spec.name == name;
  });
}

// Operations of the products: the convolutions' at the positions that count, and the contrast's.
double EstimateFlops(const CpcPlan& plan, const CpcWants& wants) {
  const auto channels = static_cast<double>(plan.shape.channels);
  const auto dim = static_cast<double>(plan.dim);
  constexpr double kHidden = kPixelCnnHidden;
  const auto positions = static_cast<double>(plan.shape.positions());
  const auto inner = static_cast<double>(plan.shape.inner_positions());
  const auto targets = static_cast<double>(plan.contrast().targets());
  const double network = 2 * kPixelCnnBlocks * kHidden * (channels * (positions + inner) + kHidden * 5 * inner);
  const double heads = 2 * channels * dim * (positions + targets);
  const double passes = 1 + (wants.context() ? 1 : 0) + (wants.context_parameters() ? 1 : 0);
  const int gradients = (wants.predictions() ? 1 : 0) + (wants.targets() ? 1 : 0);
  return network * passes + heads * (1 + gradients) + FlopsOf(plan.problem, gradients);
}

// Back ends may look at the places of the inputs in a batch's first request for all of its requests.
std::string BatchKey(const CpcPlan& plan) {
  const PixelCnnShape& shape = plan.shape;
  const std::string parameters = plan.sent_parameters ? absl::StrCat("sent ", absl::StrJoin(plan.parameters, ","))
                                                      : absl::StrCat("seed ", plan.parameter_key.seed & 0xffffffffU);
  return absl::StrCat("cpc ", DTypeName(plan.dtype), " [", shape.batch, ", ", shape.channels, ", ", shape.height, ", ",
                      shape.width, "] ", plan.dim, " ", parameters);
}

void FillIndices(const ComputeSpec& request, const FoundInputs& found, CpcPlan& plan) {
  plan.z = static_cast<size_t>(found.z);
  plan.sent_parameters = found.parameter_count > 0;
  for (size_t p = 0; p < kCpcParameters; ++p) {
    plan.parameters[p] = plan.sent_parameters ? static_cast<size_t>(found.parameters[p]) : request.inputs.size() + p;
  }
  if (!plan.sent_parameters) plan.derived_inputs = CpcParameterSpecs(plan.shape.channels, plan.dim, plan.dtype);
}

}  // namespace

bool CpcWants::context_parameters() const {
  return std::any_of(parameters.begin() + kContextParameters, parameters.end(), [](bool wanted) { return wanted; });
}

CpcWants WantsOf(const CpcPlan& plan, absl::FunctionRef<bool(size_t)> wanted) {
  CpcWants wants;
  wants.z = wanted(plan.z);
  for (size_t p = 0; p < kCpcParameters; ++p) wants.parameters[p] = wanted(plan.parameters[p]);
  return wants;
}

absl::StatusOr<std::unique_ptr<CpcPlan>> MakeCpcPlan(const ComputeSpec& request, CpcWorkspaceSizer workspace_bytes) {
  const auto& config = std::get<CpcConfig>(request.loss);
  LOSSD_ASSIGN_OR_RETURN(const FoundInputs found, FindInputs(request.inputs));
  LOSSD_RETURN_IF_ERROR(CheckFloating(request.inputs));
  auto plan = std::make_unique<CpcPlan>();
  LOSSD_ASSIGN_OR_RETURN(plan->dtype, FindComputeDType(request.inputs));
  const TensorSpec& z = request.inputs[static_cast<size_t>(found.z)];
  LOSSD_RETURN_IF_ERROR(CheckZ(z));
  LOSSD_ASSIGN_OR_RETURN(plan->dim, FindDim(request, config, found));
  if (!std::isfinite(config.embed_scale)) {
    return InvalidField("loss.cpc.embed_scale", absl::StrCat("expected a finite number, got ", config.embed_scale));
  }
  if (plan->dtype == DType::kFloat32 && std::abs(config.embed_scale) > std::numeric_limits<float>::max()) {
    return InvalidField(
        "loss.cpc.embed_scale",
        absl::StrCat("expected a magnitude that FLOAT32 holds unless z is FLOAT64, got ", config.embed_scale));
  }
  plan->shape = {z.shape[0], z.shape[1], z.shape[2], z.shape[3]};
  plan->problem = plan->contrast().InLines(config.embed_scale);
  for (int64_t i = 1; i <= plan->contrast().steps(); ++i) {
    plan->step_weights.push_back(config.step_weighting == StepWeighting::kUniform ? 1.0 : static_cast<double>(i));
  }
  plan->parameter_key = {config.init_seed.value_or(0), plan->shape.channels, plan->dim};
  FillIndices(request, found, *plan);
  plan->outputs = {{"loss", plan->dtype, {}}, {"step_losses", plan->dtype, {plan->shape.rows()}}};
  plan->batch_key = BatchKey(*plan);
  const CpcWants wants = WantsOf(*plan, [&](size_t i) {
    const bool derived = i >= request.inputs.size();
    return IsSelected(request.gradients, derived ? plan->derived_inputs[i - request.inputs.size()] : request.inputs[i],
                      derived);
  });
  plan->flops = EstimateFlops(*plan, wants);
  plan->workspace_bytes = workspace_bytes(*plan, wants);
  return plan;
}

}  // namespace lossd
