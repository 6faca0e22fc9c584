// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/operator_loss.h"

#include <algorithm>
#include <bit>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/engine/contrast_tiles.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// Appends a configuration to a batch key, to the bit.
class KeyWriter {
 public:
  explicit KeyWriter(std::string& key) : key_(key) {}

  template <typename T>
  void operator()(absl::string_view name, const T& value, absl::string_view) {
    absl::StrAppend(&key_, " ", name, "=");
    Append(value);
  }

 private:
  template <typename T>
  void Append(const T& value) {
    if constexpr (std::is_same_v<T, double>) {
      absl::StrAppend(&key_, absl::Hex(std::bit_cast<uint64_t>(value)));
    } else if constexpr (std::is_class_v<T>) {
      T::Fields(value, *this);
    } else {
      absl::StrAppend(&key_, static_cast<int>(value));
    }
  }
  template <typename T>
  void Append(const std::optional<T>& value) {
    if (value.has_value()) Append(*value);
  }

  std::string& key_;
};

template <typename Config>
concept PlainConfig = !std::is_same_v<Config, FeatureMapContrastiveConfig> && !std::is_same_v<Config, CpcConfig>;

std::string BatchKeyOf(const LossDescription& description, const ComputeSpec& request) {
  std::string key = description.name;
  KeyWriter writer(key);
  std::visit(
      [&](const auto& config) {
        if constexpr (PlainConfig<std::decay_t<decltype(config)>>) config.Fields(config, writer);
      },
      request.loss);
  // A back end may look at the places of the inputs in a batch's first request for all of its requests.
  for (const TensorSpec& input : request.inputs) {
    absl::StrAppend(&key, " ", input.name, ":", DTypeName(StorageDType(input.dtype)), ShapeText(input.shape));
  }
  return key;
}

}  // namespace

OperatorLoss::OperatorLoss(LossDescription description, Statement statement, std::shared_ptr<const Operators> operators)
    : description_(std::move(description)), statement_(statement), operators_(std::move(operators)) {}

absl::StatusOr<std::unique_ptr<LossPlan>> OperatorLoss::Prepare(const ComputeSpec& request) const {
  LOSSD_ASSIGN_OR_RETURN(const LossInputs inputs, LossInputs::Find(description_, request.inputs));
  auto plan = std::make_unique<OperatorPlan>();
  LOSSD_ASSIGN_OR_RETURN(plan->problem, statement_(request.loss, inputs));
  plan->dtype = inputs.compute_dtype();
  plan->widened = plan->dtype == DType::kFloat32 &&
                  std::visit([](const auto& problem) { return GainsFromFloat64(problem); }, plan->problem);
  for (const std::string& output : description_.outputs) plan->outputs.push_back({output, plan->dtype, {}});
  plan->constants.assign(request.inputs.size(), false);
  for (const LossInputDescription& input : description_.inputs) {
    if (!input.constant) continue;
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      if (inputs.IsOf(i, input.name)) plan->constants[i] = true;
    }
  }
  plan->batch_key = BatchKeyOf(description_, request);
  const int gradients = request.gradients.any() ? 2 : 0;
  plan->flops = std::visit([&](const auto& problem) { return FlopsOf(problem, gradients); }, plan->problem);
  plan->workspace_bytes = operators_->WorkspaceBytes(request, *plan);
  return plan;
}

void OperatorLoss::Run(absl::Span<LossTask* const> batch, const RunContext& context) const {
  operators_->Run(batch, context);
}

double ScalarInput(const LossTask& task, int input, double otherwise) {
  if (input < 0) return otherwise;
  const Tensor& scalar = task.inputs[static_cast<size_t>(input)];
  return scalar.spec().dtype == DType::kFloat64 ? *scalar.data<double>() : static_cast<double>(*scalar.data<float>());
}

std::vector<int64_t> LabelsOf(const Tensor& labels) {
  if (labels.spec().dtype == DType::kInt64) {
    const absl::Span<int64_t> values = labels.elements<int64_t>();
    return {values.begin(), values.end()};
  }
  const absl::Span<int32_t> values = labels.elements<int32_t>();
  return {values.begin(), values.end()};
}

void WriteValues(LossTask& task, absl::Span<const double> values) {
  task.objective = values[0];
  for (size_t i = 0; i < task.outputs.size(); ++i) {
    const Tensor& output = task.outputs[i];
    if (output.spec().dtype == DType::kFloat64) {
      *output.data<double>() = values[i];
    } else {
      *output.data<float>() = static_cast<float>(values[i]);
    }
  }
}

}  // namespace lossd
