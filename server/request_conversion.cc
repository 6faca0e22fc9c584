// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/request_conversion.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "proto/wire/request_decoder.h"
#include "server/metrics.h"

namespace lossd {
namespace {

constexpr uint64_t kNumpySeedEnd = uint64_t{1} << 32;
constexpr int64_t kNanosOfSecond = 1'000'000'000;
constexpr uint64_t kMaxSkip = uint64_t{1} << 26;

absl::Status UnknownValue(absl::string_view field, absl::string_view expected, int value) {
  return InvalidField(field, absl::StrCat("expected ", expected, ", got ", value));
}

absl::Status CheckSkip(absl::string_view field, uint64_t words) {
  if (words <= kMaxSkip) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("expected at most ", kMaxSkip, " words, got ", words));
}

absl::StatusOr<SamplingSeed> ToSeed(const v1::Seed& seed) {
  const std::string path = "loss.feature_map_contrastive.sampling.seed";
  if (!seed.has_torch_seed() && !seed.has_numpy_seed()) {
    return InvalidField(path, "expected torch_seed or numpy_seed, got neither");
  }
  SamplingSeed result;
  if (seed.has_torch_seed()) result.torch_seed = seed.torch_seed();
  if (seed.has_numpy_seed()) result.numpy_seed = seed.numpy_seed();
  if (seed.numpy_seed() >= kNumpySeedEnd) {
    return InvalidField(path + ".numpy_seed", absl::StrCat("expected below 2^32, got ", seed.numpy_seed()));
  }
  LOSSD_RETURN_IF_ERROR(CheckSkip(path + ".torch_skip", seed.torch_skip()));
  LOSSD_RETURN_IF_ERROR(CheckSkip(path + ".numpy_skip", seed.numpy_skip()));
  result.torch_skip = seed.torch_skip();
  result.numpy_skip = seed.numpy_skip();
  return result;
}

absl::StatusOr<Sampling> ToSampling(const v1::Sampling& sampling) {
  if (sampling.has_positions()) {
    const auto& values = sampling.positions().values();
    return ExplicitPositions{{values.begin(), values.end()}};
  }
  if (sampling.has_seed()) return ToSeed(sampling.seed());
  return std::monostate();
}

absl::StatusOr<LossConfig> ToConfig(const v1::FeatureMapContrastive& loss) {
  FeatureMapContrastiveConfig config;
  if (loss.has_comparisons()) config.comparisons = loss.comparisons();
  if (loss.has_tclip()) config.tclip = loss.tclip();
  if (loss.has_bidirectional()) config.bidirectional = loss.bidirectional();
  if (loss.has_regularizer_weight()) config.regularizer_weight = loss.regularizer_weight();
  if (loss.has_regularizer_scale()) config.regularizer_scale = loss.regularizer_scale();
  config.loss_weights.assign(loss.loss_weights().begin(), loss.loss_weights().end());
  config.share_source_samples = loss.share_source_samples();
  LOSSD_ASSIGN_OR_RETURN(config.sampling, ToSampling(loss.sampling()));
  return config;
}

absl::StatusOr<LossConfig> ToConfig(const v1::Cpc& loss) {
  CpcConfig config;
  if (loss.has_target_dim()) config.target_dim = loss.target_dim();
  if (loss.has_embed_scale()) config.embed_scale = loss.embed_scale();
  if (loss.has_init_seed()) config.init_seed = loss.init_seed();
  switch (loss.step_weighting()) {
    case v1::Cpc::STEP_WEIGHTING_UNSPECIFIED:
    case v1::Cpc::STEP_WEIGHTING_REFERENCE:
      config.step_weighting = StepWeighting::kReference;
      return config;
    case v1::Cpc::STEP_WEIGHTING_UNIFORM:
      config.step_weighting = StepWeighting::kUniform;
      return config;
    default:
      return UnknownValue("loss.cpc.step_weighting", "STEP_WEIGHTING_REFERENCE or STEP_WEIGHTING_UNIFORM",
                          loss.step_weighting());
  }
}

absl::StatusOr<GradientSelection::Mode> ToMode(v1::GradientOptions::Mode mode) {
  switch (mode) {
    case v1::GradientOptions::MODE_UNSPECIFIED:
    case v1::GradientOptions::MODE_ALL:
      return GradientSelection::Mode::kAll;
    case v1::GradientOptions::MODE_NONE:
      return GradientSelection::Mode::kNone;
    case v1::GradientOptions::MODE_NAMED:
      return GradientSelection::Mode::kNamed;
    default:
      return UnknownValue("gradients.mode", "MODE_ALL, MODE_NONE or MODE_NAMED", mode);
  }
}

absl::StatusOr<GradientSelection> ToSelection(const v1::GradientOptions& options) {
  GradientSelection selection;
  LOSSD_ASSIGN_OR_RETURN(selection.mode, ToMode(options.mode()));
  selection.names.assign(options.names().begin(), options.names().end());
  if (!v1::Dtype_IsValid(options.dtype())) {
    return UnknownValue("gradients.dtype", "a DType of this version", options.dtype());
  }
  if (options.dtype() != v1::DTYPE_UNSPECIFIED) selection.dtype = static_cast<DType>(options.dtype());
  if (options.has_scale()) selection.scale = options.scale();
  if (options.layout() != v1::GradientOptions::LAYOUT_UNSPECIFIED &&
      options.layout() != v1::GradientOptions::LAYOUT_DENSE) {
    return InvalidField("gradients.layout", absl::StrCat("expected LAYOUT_DENSE, the only one of this version, got ",
                                                         v1::GradientOptions::Layout_IsValid(options.layout())
                                                             ? v1::GradientOptions::Layout_Name(options.layout())
                                                             : absl::StrCat(options.layout())));
  }
  return selection;
}

absl::StatusOr<NonfinitePolicy> ToPolicy(v1::ComputeOptions::NonfinitePolicy policy) {
  switch (policy) {
    case v1::ComputeOptions::NONFINITE_POLICY_UNSPECIFIED:
    case v1::ComputeOptions::NONFINITE_POLICY_REPORT:
      return NonfinitePolicy::kReport;
    case v1::ComputeOptions::NONFINITE_POLICY_REJECT:
      return NonfinitePolicy::kReject;
    default:
      return UnknownValue("options.nonfinite_policy", "NONFINITE_POLICY_REPORT or NONFINITE_POLICY_REJECT", policy);
  }
}

absl::Status NoLoss(const v1::LossSpec& loss) {
  const std::string known = absl::StrJoin(kLossNames, ", ");
  if (const auto number = wire::UnknownLossMember(loss)) {
    return absl::UnimplementedError(
        absl::StrCat("loss: expected one that this build has (", known, "), got field number ", *number));
  }
  return InvalidField("loss", absl::StrCat("expected one of ", known, ", got none"));
}

}  // namespace

absl::StatusOr<LossConfig> ToLossConfig(const v1::LossSpec& loss) {
  switch (loss.loss_case()) {
    case v1::LossSpec::kFeatureMapContrastive:
      return ToConfig(loss.feature_map_contrastive());
    case v1::LossSpec::kCpc:
      return ToConfig(loss.cpc());
    case v1::LossSpec::kNtXent: {
      NtXentConfig config;
      if (loss.nt_xent().has_temperature()) config.temperature = loss.nt_xent().temperature();
      return config;
    }
    case v1::LossSpec::kSquaredNorm:
      return SquaredNormConfig();
    case v1::LossSpec::LOSS_NOT_SET:
      break;
  }
  return NoLoss(loss);
}

absl::StatusOr<ComputeSpec> ToComputeSpec(const v1::ComputeRequest& header, std::vector<TensorSpec> inputs) {
  ComputeSpec spec;
  LOSSD_ASSIGN_OR_RETURN(spec.loss, ToLossConfig(header.loss()));
  LOSSD_ASSIGN_OR_RETURN(spec.gradients, ToSelection(header.gradients()));
  LOSSD_ASSIGN_OR_RETURN(spec.nonfinite_policy, ToPolicy(header.options().nonfinite_policy()));
  spec.inputs = std::move(inputs);
  return spec;
}

absl::StatusOr<absl::Duration> RequestTimeout(const v1::ComputeRequest& header) {
  if (!header.options().has_timeout()) return absl::InfiniteDuration();
  const auto& timeout = header.options().timeout();
  const int64_t seconds = timeout.seconds();
  const int64_t nanos = timeout.nanos();
  if (std::abs(nanos) >= kNanosOfSecond || (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return InvalidField("options.timeout", absl::StrCat("expected seconds and nanos of one sign, nanos below ",
                                                        kNanosOfSecond, ", got ", seconds, " and ", nanos));
  }
  const absl::Duration duration = absl::Seconds(seconds) + absl::Nanoseconds(nanos);
  if (duration > absl::ZeroDuration()) return duration;
  return InvalidField("options.timeout",
                      absl::StrCat("expected a positive duration, got ", absl::FormatDuration(duration)));
}

}  // namespace lossd
