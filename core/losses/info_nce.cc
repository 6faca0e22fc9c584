// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// InfoNCE (with temperature = 1 / 20: MultipleNegativesRankingLoss): queries against keys and hard negatives, row i's
// pair key i; what a guide finds too similar leaves a row's denominator (GISTEmbedLoss).

#include <algorithm>
#include <vector>

#include "core/losses/config_checks.h"
#include "core/losses/loss_table.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

absl::Status CheckGuides(const LossInputs& inputs) {
  const std::vector<int>& guides = inputs.Family("guide.negative");
  const bool any = inputs.Has("guide.query") || inputs.Has("guide.key") || !guides.empty();
  if (!any) return absl::OkStatus();
  for (const char* name : {"guide.query", "guide.key"}) {
    if (!inputs.Has(name)) {
      return InvalidField(absl::StrCat("inputs[", name, "]"), "missing, expected guides of all inputs or of none");
    }
  }
  const size_t negatives = inputs.Family("negative").size();
  if (guides.size() == negatives) return absl::OkStatus();
  return InvalidField(absl::StrCat("inputs[guide.negative.", std::min(guides.size(), negatives), "]"),
                      absl::StrCat("expected a guide for each of ", negatives, " negatives, got ", guides.size()));
}

absl::StatusOr<ContrastExclusion> Exclusion(const InfoNceConfig& config, const LossInputs& inputs,
                                            const ContrastProblem& problem) {
  LOSSD_RETURN_IF_ERROR(CheckFinite(config, "false_negatives.margin", config.false_negatives->margin));
  ContrastExclusion exclusion;
  exclusion.relative = config.false_negatives->margin_strategy == MarginStrategy::kRelative;
  exclusion.margin = config.false_negatives->margin;
  if (!inputs.Has("guide.query")) {
    exclusion.rows.assign(problem.rows.begin(), problem.rows.end());
    exclusion.columns.assign(problem.columns.begin(), problem.columns.end());
    exclusion.width = problem.width;
    return exclusion;
  }
  exclusion.rows = {inputs.PartOf("guide.query")};
  exclusion.columns = {inputs.PartOf("guide.key")};
  for (const int guide : inputs.Family("guide.negative")) exclusion.columns.push_back(inputs.PartOf(guide));
  exclusion.width = inputs.ExtentOf("G");
  return exclusion;
}

}  // namespace

LossDescription Describe(const InfoNceConfig&) {
  return {.name = "info_nce",
          .summary = "InfoNCE, multiple negatives ranking: queries against keys and hard negatives",
          .inputs = {{.name = "query", .shape = {"N", "D"}},
                     {.name = "key", .shape = {"N", "D"}},
                     {.name = "negative.*", .shape = {"M", "D"}, .optional = true},
                     {.name = "guide.query", .shape = {"N", "G"}, .optional = true, .constant = true},
                     {.name = "guide.key", .shape = {"N", "G"}, .optional = true, .constant = true},
                     {.name = "guide.negative.*", .shape = {"M", "G"}, .optional = true, .constant = true}},
          .outputs = {"loss", "accuracy"},
          .dtypes = FloatingTypes()};
}

absl::StatusOr<OperatorProblem> State(const InfoNceConfig& config, const LossInputs& inputs) {
  LOSSD_RETURN_IF_ERROR(CheckTemperature(config, config.temperature));
  if (!(config.label_smoothing >= 0 && config.label_smoothing < 1)) {
    return InvalidConfig(config, "label_smoothing",
                         absl::StrCat("expected a value >= 0 and < 1, got ", config.label_smoothing));
  }
  LOSSD_RETURN_IF_ERROR(CheckGuides(inputs));
  if (inputs.Has("guide.query") && !config.false_negatives.has_value()) {
    return InvalidField("inputs[guide.query]", "expected no guides without loss.info_nce.false_negatives");
  }
  ContrastProblem problem;
  problem.rows = {inputs.PartOf("query")};
  problem.columns = {inputs.PartOf("key")};
  for (const int negative : inputs.Family("negative")) problem.columns.push_back(inputs.PartOf(negative));
  problem.width = inputs.ExtentOf("D");
  problem.normalize = config.normalize;
  problem.scale = 1 / config.temperature;
  problem.both_sides = config.symmetric;
  problem.smoothing = config.label_smoothing;
  if (config.false_negatives.has_value()) {
    LOSSD_ASSIGN_OR_RETURN(problem.exclusion, Exclusion(config, inputs, problem));
  }
  return problem;
}

}  // namespace lossd
