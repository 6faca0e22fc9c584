// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/compute/request_conversion.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "proto/wire/loss_messages.h"

namespace lossd {
namespace {

constexpr int64_t kNanosOfSecond = 1'000'000'000;

absl::Status UnknownValue(absl::string_view field, absl::string_view expected, int value) {
  return InvalidField(field, absl::StrCat("expected ", expected, ", got ", value));
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
    return UnknownValue("gradients.dtype", "an element type of lossd.v1.Dtype", options.dtype());
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

}  // namespace

absl::StatusOr<ComputeSpec> ToComputeSpec(const v1::ComputeRequest& header, std::vector<TensorSpec> inputs) {
  ComputeSpec spec;
  LOSSD_ASSIGN_OR_RETURN(spec.loss, wire::ToLossConfig(header.loss()));
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
