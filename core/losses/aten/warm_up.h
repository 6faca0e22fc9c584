// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A first computation, so that the first request waits for none of what only happens once, and a device that does not
// compute is found before anybody asks for it.

#ifndef LOSSD_CORE_LOSSES_ATEN_WARM_UP_H_
#define LOSSD_CORE_LOSSES_ATEN_WARM_UP_H_

#include "absl/status/status.h"
#include "core/engine/device/device_lane.h"
#include "core/losses/registry.h"

namespace lossd::aten {

// Computes a tiny contrast with gradients by way of `lane` in every one of its slots. UNAVAILABLE, in one line, saying
// why that fails or that the result is wrong.
absl::Status WarmUp(const LossSet& losses, DeviceLane& lane);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_WARM_UP_H_
