// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/loss_flags.h"

#include <CLI/App.hpp>

#include "absl/strings/str_cat.h"
#include "client/cli/subcommand.h"
#include "client/cpp/messages.h"
#include "core/status/status_macros.h"
#include "google/protobuf/util/json_util.h"

namespace lossd::cli {
namespace {

constexpr char kLosses[] = "feature_map_contrastive, cpc, nt_xent or squared_norm";

bool Given(const client::Seed& seed) {
  return seed.torch_seed || seed.numpy_seed || seed.torch_skip || seed.numpy_skip;
}

}  // namespace

void LossFlags::Declare(CLI::App& app) {
  app.add_option("--loss", loss_, absl::StrCat("The loss: ", kLosses));
  app.add_option("--config", config_,
                 "The loss and its configuration as JSON, instead of the flags below:\n"
                 R"({"nt_xent": {"temperature": 0.1}}, or @FILE)");
  DeclareFeatureMapContrastive(app);
  DeclareCpc(app);
  options_of_["nt_xent"] = {
      app.add_option("--temperature", nt_xent_.temperature, "Divisor of the scores [0.5]")->group("nt_xent")};
}

void LossFlags::DeclareFeatureMapContrastive(CLI::App& app) {
  const std::string group = "feature_map_contrastive";
  client::FeatureMapContrastive& loss = feature_map_contrastive_;
  std::vector<CLI::Option*> options = {
      app.add_option("--comparisons", loss.comparisons, "Pairs of map indices [00, 11]"),
      app.add_option("--tclip", loss.tclip, "Clip of the scores; inf: none [10]"),
      app.add_option("--bidirectional", loss.bidirectional, "Compare with exchanged roles as well [true]"),
      app.add_option("--regularizer-weight", loss.regularizer_weight, "Of the regularizer in the objective [1]"),
      app.add_option("--regularizer-scale", loss.regularizer_scale, "Inside the regularizer [0.05]"),
      app.add_option("--loss-weights", loss.loss_weights, "Upstream gradient of each loss [ones]")
          ->delimiter(',')
          ->allow_extra_args(false),
      app.add_option("--positions", positions_, "Source positions, flat [K, directions, B]")
          ->delimiter(',')
          ->allow_extra_args(false),
      app.add_option("--torch-seed", seed_.torch_seed, "Draw positions as torch does after this seed"),
      app.add_option("--numpy-seed", seed_.numpy_seed, "Draw `r` as numpy does after this seed"),
      app.add_option("--torch-skip", seed_.torch_skip, "32-bit words of torch's stream to skip [0]"),
      app.add_option("--numpy-skip", seed_.numpy_skip, "32-bit words of numpy's stream to skip [0]"),
      app.add_option("--share-source-samples", loss.share_source_samples, "One draw for each map [false]")};
  for (CLI::Option* const option : options) options_of_[group].push_back(option->group(group));
}

void LossFlags::DeclareCpc(CLI::App& app) {
  std::vector<CLI::Option*> options = {
      app.add_option("--target-dim", cpc_.target_dim, "Dimension of predictions [64]"),
      app.add_option("--embed-scale", cpc_.embed_scale, "Factor of the scores [0.1]"),
      app.add_option("--init-seed", cpc_.init_seed, "Seed of the parameters where none are sent [0]"),
      app.add_option("--step-weighting", step_weighting_, "reference or uniform [reference]")
          ->check(CLI::IsMember({"reference", "uniform"}))};
  for (CLI::Option* const option : options) options_of_["cpc"].push_back(option->group("cpc"));
}

absl::Status LossFlags::CheckFlagsBelong(const std::string& loss) const {
  for (const auto& [owner, options] : options_of_) {
    for (const CLI::Option* const option : options) {
      if (owner != loss && option->count() > 0) {
        return UsageError(absl::StrCat(option->get_name(), ": belongs to ", owner, ", not to ", loss));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<client::FeatureMapContrastive> LossFlags::FeatureMapContrastiveSpec() const {
  client::FeatureMapContrastive loss = feature_map_contrastive_;
  if (!positions_.empty() && Given(seed_)) return UsageError("--positions: expected without seeds and skips");
  if (!positions_.empty()) loss.sampling = client::Positions{positions_};
  if (Given(seed_)) loss.sampling = seed_;
  return loss;
}

absl::StatusOr<client::LossSpec> LossFlags::Spec() const {
  if (!config_.empty()) {
    if (!loss_.empty()) return UsageError("--config: expected without --loss");
    LOSSD_RETURN_IF_ERROR(CheckFlagsBelong("--config"));
    if (config_.front() != '@') return LossSpecFromJson(config_);
    LOSSD_ASSIGN_OR_RETURN(const std::string text, FileText("--config", config_.substr(1)));
    return LossSpecFromJson(text);
  }
  LOSSD_RETURN_IF_ERROR(CheckFlagsBelong(loss_.empty() ? "any loss without --loss" : loss_));
  if (loss_ == "feature_map_contrastive") return FeatureMapContrastiveSpec();
  if (loss_ == "nt_xent") return nt_xent_;
  if (loss_ == "squared_norm") return client::SquaredNorm{};
  if (loss_ == "cpc") {
    client::Cpc cpc = cpc_;
    if (step_weighting_ == "uniform") cpc.step_weighting = client::Cpc::StepWeighting::kUniform;
    if (step_weighting_ == "reference") cpc.step_weighting = client::Cpc::StepWeighting::kReference;
    return cpc;
  }
  return UsageError(absl::StrCat("--loss: expected ", kLosses, ", got '", loss_, "'"));
}

absl::StatusOr<client::LossSpec> LossSpecFromJson(const std::string& json) {
  v1::LossSpec message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (!status.ok()) return UsageError(absl::StrCat("--config: ", std::string(status.message())));
  if (message.loss_case() == v1::LossSpec::LOSS_NOT_SET) return UsageError("--config: expected a loss, got none");
  return client::FromMessage(message);
}

}  // namespace lossd::cli
