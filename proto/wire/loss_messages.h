// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The one conversion between lossd.v1.LossSpec and the core's configurations, for server, client and load tool. It
// follows the lists of fields in loss_config.h: a new loss needs nothing here. All functions are thread-safe.

#ifndef LOSSD_PROTO_WIRE_LOSS_MESSAGES_H_
#define LOSSD_PROTO_WIRE_LOSS_MESSAGES_H_

#include "absl/status/statusor.h"
#include "core/losses/loss_config.h"
#include "lossd/v1/losses.pb.h"

namespace lossd::wire {

// The configuration that `loss` holds, defaults filled in. INVALID_ARGUMENT with the field where no member is set or an
// enum's value is not known; UNIMPLEMENTED, naming the losses there are, where a member is set that this build does not
// know. What only a loss can judge is left to it.
absl::StatusOr<LossConfig> ToLossConfig(const v1::LossSpec& loss);

// The inverse. Fields that have their default stay absent.
v1::LossSpec ToLossMessage(const LossConfig& config);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_LOSS_MESSAGES_H_
